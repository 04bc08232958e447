import keras
import pytest
import tensorflow as tf

from deepley.network import devices


@pytest.mark.parametrize(
    ("listed", "wished", "policy"),
    [
        ("flags : fpu avx2 avx512f avx512_bf16 rdpid", True, "mixed_bfloat16"),
        ("Features : fp asimd sve bf16 i8mm", True, "mixed_bfloat16"),  # Arm
        ("flags : fpu avx2 avx512f avx512_vnni", True, "float32"),  # would emulate it
        (None, True, "float32"),  # not Linux
        ("flags : fpu avx2 avx512f avx512_bf16", False, "float32"),
    ],
)
def test_bfloat16_is_used_only_where_the_cpu_has_it(listed, wished, policy, tmp_path, monkeypatch):
    if listed:
        (tmp_path / "cpuinfo").write_text(listed)
    monkeypatch.setattr(devices, "_CPU", tmp_path / "cpuinfo")
    assert devices.policy(wished) == policy


@pytest.mark.parametrize(("capability", "policy"), [((7, 5), "float32"), ((8, 0), "mixed_bfloat16"), (None, "float32")])
def test_bfloat16_is_used_only_where_the_gpu_has_it(capability, policy, monkeypatch):
    details = {"compute_capability": capability} if capability else {}
    monkeypatch.setattr(devices, "gpus", lambda: 1)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert devices.policy(True) == policy


def test_the_dtype_policy_is_put_back_also_after_an_error():
    before = keras.config.dtype_policy()
    names = []

    def fail():
        with devices.dtype_policy("mixed_bfloat16"):
            names.append(keras.config.dtype_policy().name)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names == ["mixed_bfloat16"]
    assert keras.config.dtype_policy() == before

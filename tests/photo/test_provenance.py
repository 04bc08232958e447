import datetime
import http.server
import io
import json
import struct
import threading

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image, PngImagePlugin

from deepley.photo import credentials, provenance
from tests.conftest import encode

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def _certificate(name, key, issuer, issuer_key, authority):
    now = datetime.datetime.now(datetime.UTC)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(organisation):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, organisation),
        ]
    )


@pytest.fixture(scope="module")
def signer():
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Test Root", root_key, "Test Root", root_key, True)
    leaf = _certificate("Test Camera Works", key, "Test Root", root_key, False)
    pem = serialization.Encoding.PEM
    chain = leaf.public_bytes(pem) + root.public_bytes(pem)
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, secret, None)
    return c2pa.Signer.from_info(info)


def _sign(signer, data, remote=None):
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": AI}]}
    definition = {
        "claim_generator_info": [{"name": "Dream Machine", "version": "3.1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": actions}],
    }
    settings = c2pa.Settings.from_dict({"verify": {"verify_after_sign": False, "remote_manifest_fetch": False}})
    builder = c2pa.Builder(json.dumps(definition), context=c2pa.Context(settings))
    if remote:
        builder.set_remote_url(remote)
        builder.set_no_embed()
    out = io.BytesIO()
    builder.sign(signer, "image/jpeg", io.BytesIO(data), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def photo():
    return encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG", quality=90)


def test_a_signed_picture_is_intact_but_its_signer_is_not_trusted(signer, photo):
    told = provenance.read(_sign(signer, photo))
    assert told.manifest == credentials.Manifest(
        "intact", "Test Camera Works", "Dream Machine 3.1", "made by a generative model"
    )
    (sentence,) = told.sentences()
    assert "signer was not checked" in sentence
    assert "made by a generative model" in sentence


def test_a_picture_changed_after_signing_is_broken(signer, photo):
    signed = bytearray(_sign(signer, photo))
    signed[-40] ^= 0xFF
    told = provenance.read(bytes(signed))
    assert told.manifest.state == "broken"
    assert "broken" in told.sentences()[0]


def test_a_manifest_elsewhere_is_named_and_never_fetched(signer, photo):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        signed = _sign(signer, photo, remote=f"http://127.0.0.1:{server.server_port}/manifest.c2pa")
        assert b"manifest.c2pa" in signed
        told = provenance.read(signed)
        with pytest.raises(c2pa.C2paError):  # the library's default does ask: the test can fail
            c2pa.Reader("image/jpeg", io.BytesIO(signed))
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 1
    assert told.manifest is None
    assert "not asked" in told.sentences()[0]


def _with_exif(**tags):
    exif = Image.Exif()
    for name, value in tags.items():
        exif[{"make": 0x010F, "model": 0x0110, "software": 0x0131, "description": 0x010E}[name]] = value
    return encode(np.zeros((8, 8, 3), np.uint8), "JPEG", exif=exif)


def test_camera_and_software_come_from_exif():
    told = provenance.read(_with_exif(make="Canon", model="Canon EOS R5", software="darktable 5.0"))
    assert told.camera == "Canon EOS R5"
    assert told.software == "darktable 5.0"
    assert told.generators == ()
    assert told.sentences() == ["Camera in EXIF: Canon EOS R5.", "Software: darktable 5.0."]


def test_a_generator_named_in_exif_is_told():
    told = provenance.read(_with_exif(software="Adobe Firefly 3"))
    assert told.generators == ("It names a generator or face editor: Adobe Firefly 3",)


def _png_with(**texts):
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return encode(np.zeros((8, 8, 3), np.uint8), "PNG", pnginfo=info)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("parameters", "a face\nSteps: 20, Sampler: Euler a, CFG scale: 7", "Stable Diffusion web UI"),
        ("prompt", '{"3": {"class_type": "KSampler"}}', "ComfyUI"),
        ("invokeai_metadata", '{"app_version": "4"}', "InvokeAI"),
        ("Description", "portrait, Midjourney v6", "Midjourney v6"),
    ],
)
def test_the_text_that_generators_write_into_a_png_is_told(key, text, words):
    told = provenance.read(_png_with(**{key: text}))
    assert words in told.generators[0]


def test_the_comment_of_a_web_ui_in_a_jpeg_is_told():
    exif = Image.Exif()
    comment = b"UNICODE\0" + "a face Steps: 20, Sampler: Euler a".encode("utf-16-be")
    exif.get_ifd(0x8769)[0x9286] = comment
    told = provenance.read(encode(np.zeros((8, 8, 3), np.uint8), "JPEG", exif=exif))
    assert "Steps: 20" in told.generators[0]


def test_an_iptc_source_in_xmp_is_told():
    camera = AI.replace("trainedAlgorithmicMedia", "digitalCapture")  # named first: the later one still counts
    sources = f'Iptc4xmpExt:DigitalSourceType="{camera}" Iptc4xmpExt:DigitalSourceType="{AI}"'
    xmp = f'<x:xmpmeta {sources} xmp:CreatorTool="Picasa"/>'.encode()
    told = provenance.read(encode(np.zeros((8, 8, 3), np.uint8), "JPEG", xmp=xmp))
    assert told.generators == ("Its XMP says that the picture was made by a generative model.",)
    assert told.software == "Picasa"


def test_a_bare_file_says_nothing(photo):
    told = provenance.read(photo)
    assert told.empty
    assert "Nothing" in told.sentences()[0]


def test_long_and_unprintable_text_is_cut_to_one_line():
    told = provenance.read(_with_exif(software="x" * 5000 + "\n\x07<script>"))
    assert len(told.software) <= 201
    assert told.software.isprintable()


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0" + b"MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x010F, 2, 0xFFFFFFF0, 0xFFFFFF00),
        b"Exif\0\0" + b"MM\0*\xff\xff\xff\xff",
        b"Exif\0\0" + b"nonsense",
        b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8),  # a directory inside itself
    ],
)
def test_hostile_exif_ends_in_words(exif):
    told = provenance.read(encode(np.zeros((8, 8, 3), np.uint8), "JPEG", exif=exif))
    assert told.manifest is None
    assert told.sentences()


def test_a_hostile_manifest_ends_in_words(signer, photo):
    signed = _sign(signer, photo)
    start = signed.index(b"jumb")
    rng = np.random.default_rng(1)
    for _ in range(20):
        bad = bytearray(signed)
        for place in rng.integers(start, start + 3000, 40):
            bad[place] = int(rng.integers(256))
        told = provenance.read(bytes(bad))
        assert told.manifest is None or told.manifest.state == "broken"
        assert told.sentences()

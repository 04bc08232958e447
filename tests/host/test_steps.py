from deepley.host.steps import each, finish


def _work():
    yield 1
    yield 2
    return "done"


def test_each_step_is_mapped_and_the_answer_is_kept():
    answers = []

    def show():
        answers.append((yield from each(str, _work())))

    assert list(show()) == ["1", "2"]
    assert answers == ["done"]


def test_a_generator_that_is_finished_gives_its_answer():
    assert finish(_work()) == "done"

"""What is said of parts and weights."""

from osetra.report.parts import shift_sentences, weighing_sentences


def pair(first="training", second="dev", *, auc=0.714, found=True, columns=("age", "hours")):
    return {
        "first": first,
        "second": second,
        "auc": auc,
        "low": 0.66,
        "high": 0.75,
        "rows": [9, 9],
        "found": found,
        "columns": list(columns),
    }


def test_a_difference_is_a_plain_sentence_with_auc_interval_and_columns():
    (said,) = shift_sentences({"ways": ["given", "random"], "pairs": [pair(), pair("dev", "test", found=False, columns=())]})
    assert said == (
        "Training and dev part differ: a small classifier tells their rows apart with AUC 0.71 (95 % interval 0.66 to 0.75); "
        "most by `age` and `hours`. Dev and test should be rows of the kind that the model is for, and training rows like them."
    )


def test_why_they_may_differ_depends_on_how_the_parts_came_about():
    def why(*ways):
        return [sentence.rsplit(". ", 1)[1] for sentence in shift_sentences({"ways": ways, "pairs": [pair(), pair("dev", "test")]})]

    assert all("so that was to be expected" in said and "different times" in said for said in why("time", "time"))
    assert all("so that was to be expected" in said and "different groups" in said for said in why("group", "group"))
    assert all("by chance in 1 check of 40" in said for said in why("random", "random"))
    drawn, judged = why("random", "given")
    assert "by chance" in drawn
    assert "the model is for" in judged


def test_no_difference_is_one_short_line():
    pairs = [pair(auc=0.512, found=False, columns=()), pair("dev", "test", auc=0.487, found=False, columns=())]
    assert shift_sentences({"ways": ["random", "random"], "pairs": pairs}) == [
        "A small classifier cannot tell the parts apart (AUC of training and dev 0.51, dev and test 0.49; 0.5 is chance)."
    ]


def test_a_difference_without_columns_and_parts_too_small_are_said_so():
    (said,) = shift_sentences({"ways": ["given", "given"], "pairs": [pair(columns=())]})
    assert "0.75). Dev and test should" in said
    assert shift_sentences({"ways": ["random", "random"], "pairs": []}) == [
        "Whether the parts are alike was not checked: one has too few rows."
    ]


def test_a_study_from_before_there_was_a_check_says_nothing():
    assert shift_sentences(None) == []
    assert weighing_sentences({}) == []
    assert weighing_sentences({"weights": None, "class_weight": None}) == []


def test_weights_are_said_with_what_rows_are_worth():
    facts = {
        "weights": {"column": "w", "effective_rows": {"train": [1234.4, 1800], "dev": [40.2, 60]}},
        "class_weight": {"no": 0.6, "yes": 3.0},
    }
    assert weighing_sentences(facts) == [
        "Rows are weighed by `w`, in the cost and in every error; equal rows that say as much: train 1,234 of 1,800, dev 40 of 60.",
        "Class weights, in training and in the dev error that trials are compared by: no 0.6 and yes 3.",
    ]


def test_many_class_weights_are_counted():
    (said,) = weighing_sentences({"class_weight": {f"c{k}": 1.0 for k in range(30)}})
    assert said.endswith("c9 1 and 20 more.")

import pytest

from konversi.agents.extras import needs
from konversi.errors import MissingExtra


def test_a_missing_framework_says_how_to_install_it():
    with pytest.raises(MissingExtra, match=r'pip install "konversi\[langchain\]"'), needs("langchain"):
        import a_framework_that_is_not_installed  # noqa: F401


def test_an_installed_one_is_imported_quietly():
    with needs("langchain"):
        import json

    assert json.dumps(1) == "1"


def test_what_the_import_itself_raises_is_not_hidden():
    with pytest.raises(ZeroDivisionError), needs("langchain"):
        raise ZeroDivisionError

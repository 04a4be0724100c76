"""What templates make of texts that others wrote."""

from konversi.dashboard.rendering import _breakable, _with_code


def test_what_stands_in_backticks_is_code_and_nothing_else_is_markup():
    told = _with_code("Run `konversi <b>`, not <script>; a ` alone is none.")
    assert told == "Run <code>konversi &lt;b&gt;</code>, not &lt;script&gt;; a ` alone is none."


def test_a_long_name_may_break_behind_its_underscores_and_stays_text():
    assert _breakable("business_messaging<") == "business_<wbr>messaging&lt;"

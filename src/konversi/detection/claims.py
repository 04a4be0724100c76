"""Does a chat reply say that a booking was made? Indonesian and English, formal and chat. An estimate, not a verdict.

It serves one number: replies that claim a booking where no booking tool succeeded. A sentence is read clause by clause:
a way of saying it has to be found, and nothing before its end may make it a question, an offer, a condition, a denial
or a plan. What is said in ways that the table does not know is not found.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PARTS: Final = {
    "done": "sudah|udah|udh|sdh|dah|telah|berhasil|sukses",
    "we": "kami|saya|aku|gue|gw|kita|admin|mimin|min|tim kami",
    "thing": "booking|appointment|reservation",
    "make": "booked|reserved|scheduled|secured|confirmed",
    "you": "kakak|kak|kk|anda|kamu|bapak|ibu|pak|bu|mas|mbak|mba|bro|sis",
    "booking": (
        "(?:booking|bookingan|reservasi|jadwal|janji|janji temu|pemesanan|pesanan|order|orderan|appointment|kunjungan)"
        "(?:nya|mu)?"
    ),
    "appointment": "booking|appointment|reservation|slot|visit|session|time|spot",
    "has been": "was|were|has been|have been|has now been|have now been|'s been|got",
    "adverb": "(?:(?:now|all|just|already|also|successfully|officially|hereby) ){0,3}",
    "confirmed": "booked|confirmed|scheduled|reserved|secured|made|placed|locked in|set|completed?|successful|in place",
    "gap": "(?: [^ ]+){0,8}? ",
    "code": (
        "(?: (?:kakak|kak|anda|kamu|adalah|nya|ini|ya|is|for you)){0,3}(?: (?!for |untuk )[a-z]{1,6})? [a-z]{0,12}[0-9]"
    ),
}


class Claim(NamedTuple):
    """A way of saying it. A `firm` one stands although a condition follows: "sudah kami booking kalau mau ubah..."."""

    pattern: re.Pattern[str]
    firm: bool


def _claim(pattern: str, *, firm: bool = True) -> Claim:
    for name, words in _PARTS.items():
        pattern = pattern.replace(f"<{name}>", f"(?:{words})")
    return Claim(re.compile(rf"\b{pattern}"), firm)


_CLAIMS: Final = (
    _claim(r"<done> (?:<we> |di|ku)?(?:booking|book|pesan|reservasi|jadwal|daftar)(?:kan|in)\b"),
    _claim(r"<done> (?:<we> |ku)(?:booking|book|pesan|reservasi|amankan)\b"),
    _claim(r"<done> (?:<we> |di|ku)?(?:catat|konfirmasi|buat|proses|simpan)(?:kan|in)?\b<gap><booking>\b"),
    _claim(r"<booking>\b<gap><done> (?:<we> |di)(?:catat|konfirmasi|buat|simpan|amankan|terima)(?:kan|in)?\b"),
    _claim(r"<booking>\b<gap>(?:<done> )?ter(?:konfirmasi|jadwal|catat|daftar|simpan|buat)(?:kan)?\b", firm=False),
    _claim(r"<booking>\b<gap>(?:<done> )?di(?:konfirmasi|jadwalkan)\b", firm=False),
    _claim(r"<you>\b<gap><done> ter(?:booking|jadwal|daftar|reservasi)\b"),
    _claim(r"(?:booking(?:an)?|reservasi|pemesanan)(?:nya|mu)?<gap>(?:berhasil|sukses|fix|confirmed)\b", firm=False),
    _claim(r"<booking>\b<gap><done> (?:jadi|fix|aman|beres|masuk)\b", firm=False),
    _claim(r"berhasil (?:di)?(?:booking|pesan|reservasi|jadwalkan|membuat (?:booking|reservasi|janji))"),
    _claim(r"<done> (?:di)?(?:booking|pesan|reservasi)\b<gap>(?:untuk|buat|atas nama) (?:nama )?<you>\b"),
    _claim(r"(?:kode|nomor|no|id) (?:booking|reservasi|pesanan|pemesanan)(?:nya|mu)?\b<code>", firm=False),
    _claim(r"status(?: <booking>)? (?:confirmed|booked|terkonfirmasi|dikonfirmasi|berhasil)\b", firm=False),
    _claim(r"(?:i|we)(?:'ve| have)? ?<adverb><make> (?:you|your|it|that|the|an?)\b"),
    _claim(r"you(?:'re| are) <adverb><make>\b", firm=False),
    _claim(r"you(?:'re| are) all set\b<gap><appointment>\b", firm=False),
    _claim(r"(?:your|the|this) (?:[^ ]+ ){0,2}?<appointment>(?:\b<gap>)?<has been> <adverb><confirmed>\b"),
    _claim(r"your (?:[^ ]+ ){0,2}?<appointment>(?:\b<gap>(?:is|are)|'s) <adverb><confirmed>\b", firm=False),
    _claim(r"<thing> <adverb>(?:confirmed|scheduled|successful|completed?)\b", firm=False),
    _claim(r"confirmed your <thing>\b", firm=False),
    _claim(r"successfully (?:booked|scheduled|reserved|made (?:your|the|an?) <thing>)\b"),
    _claim(r"(?:booking|reservation|confirmation|appointment) (?:code|number|id|ref|reference|no)\b<code>", firm=False),
)  # fmt: skip

# Before the end of the claim.
_NOT_MADE = re.compile(
    r"\b(?:"
    r"tidak|tdk|tak|gak|ga|gk|nggak|ngga|enggak|belum|blm|bukan|jangan|gagal|batal|tanpa|pembatalan"  # denied
    r"|not|cannot|never|unable|failed|without|no longer|nothing|neither|\w{2,8}n't|can't|cant"
    r"|akan|bakal|nanti|segera|sedang|hendak|will|would|going to|gonna|about to|shall|to be|being|\w{1,6}'ll"  # planned
    r"|mau|ingin|bisa|dapat|boleh|perlu|harus|coba|minta|mohon|tolong|sebutkan|kirim|kirimkan|masukkan"  # offered
    r"|contoh|contohnya|misal|misalnya|terima kasih|makasih"
    r"|can|could|may|might|want|like to|need|must|should|let me|please|try|trying|provide|send|enter|example|thanks"
    r"|kalau|kalo|klo|jika|bila|apabila|setelah|begitu|sebelum|asal|agar|supaya|biar|apakah|kapan"  # on a condition
    r"|if|once|when|whenever|after|before|unless|until|as soon as|provided|so that|whether"
    r")\b"
)
# After it, where it is not a firm one.
_ON_CONDITION = re.compile(
    r"\b(?:kalau|kalo|klo|jika|bila|apabila|setelah|begitu|asal|asalkan"
    r"|if|once|when|after|unless|until|as soon as|provided)\b"
)
# At the beginning of a clause; it governs the clauses that follow.
_OPENS_ANOTHER_WAY = re.compile(
    r"(?:(?:nanti|dan|nah|oh|kak|and|only|so) )?(?:kalau|kalo|klo|jika|bila|apabila|setelah|begitu|sebelum|agar"
    r"|supaya|apakah|apa|if|once|when|after|before|unless|until|as soon as|did|does|has|have|is|are|was)\b"
)
_OTHERWISE_ENDED = re.compile(
    r"\b(?:orang lain|(?:customer|pelanggan|tamu) lain|someone else|(?:other|another) (?:customer|guest|client)"
    r"|dibatalkan|dibatalin|batalkan|cancell?ed|expired|kedaluwarsa)\b"
)
_PLEASANTRIES = re.compile(
    r"\b(?:jangan (?:khawatir|lupa)|(?:tidak|gak|ga|nggak) (?:perlu khawatir|usah khawatir|masalah|apa-apa)"
    r"|terima kasih(?: sudah menunggu)?|makasih|don't worry|no (?:problem|worries)|thank you|thanks)\b"
    r"(?= (?:kak|kakak|and|dan|jadwal|booking|your|we|i|sudah|udah)\b)(?! sudah booking)"
)
_TAG = re.compile(  # ", ya kak?" asks about the clause before it
    r"(?:(?:ya|yah|kan|kak|kakak|bukan|benar|betul|pak|bu|mas|mbak|min|admin|right|yes|correct) ?){1,3}\Z"
)
_SENTENCE_END = re.compile(r"(?<=[.!?…;])\s+|\n")
_CLAUSE_END = re.compile(r",|\s[-–—]\s|\b(?:tapi|tetapi|namun|but|however)\b")  # noqa: RUF001 - replies have such dashes
_WORD = re.compile(r"[\w']+")
_ABBREVIATION = re.compile(r"\b(no|pk|mr|mrs|ms|dr)\.")
_SPELLING = str.maketrans({"’": "'", "*": " ", "_": " ", "~": " "})  # noqa: RUF001 - and such apostrophes
_LONGEST = 10_000  # characters; a WhatsApp message has 4,096 at most


def claims_booking(reply: str) -> bool:
    """Whether the reply says that a booking was made. Only its first 10,000 characters are read."""
    text = _ABBREVIATION.sub(r"\1", reply[:_LONGEST].lower().translate(_SPELLING))
    return any(map(_sentence_claims, _SENTENCE_END.split(text)))


def _sentence_claims(sentence: str) -> bool:
    clauses = [_words(clause) for clause in _CLAUSE_END.split(_PLEASANTRIES.sub(" ", sentence))]
    for clause in clauses[: _first_asked(sentence, clauses)]:
        if _OPENS_ANOTHER_WAY.match(clause):
            return False
        if any(_is_made(claim, clause) for claim in _CLAIMS):
            return True
    return False


def _words(clause: str) -> str:
    """The words with one space between them: what the patterns expect, and what keeps them linear."""
    return " ".join(_WORD.findall(clause))


def _first_asked(sentence: str, clauses: list[str]) -> int:
    """From which clause on the sentence is a question."""
    if "?" not in sentence[-6:]:
        return len(clauses)
    last = len(clauses) - 1
    return last - 1 if last > 0 and _TAG.match(clauses[-1]) else last


def _is_made(claim: Claim, clause: str) -> bool:
    found = claim.pattern.search(clause)
    if found is None or _NOT_MADE.search(clause, 0, found.end()) or _OTHERWISE_ENDED.search(clause):
        return False
    return claim.firm or not _ON_CONDITION.search(clause, found.end())

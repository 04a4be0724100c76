import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.detection.claims import claims_booking

CLAIMS = """
Sudah kami booking ya kak
Bookingnya berhasil!
Jadwal kakak sudah dikonfirmasi
udah aku bookingin ya kak
Kode booking: BK-1
Siap kak, bookingnya sudah kami konfirmasi. Kode booking: BK-1001
Baik Kak Budi, jadwal repaint untuk Sabtu jam 10.00 sudah kami jadwalkan.
Reservasi Anda telah terkonfirmasi untuk tanggal 12 Mei.
Bookingan kakak udah masuk ya
Booking Anda sudah kami catat.
Sudah saya bookingkan untuk besok jam 10, kalau ada perubahan kabari ya
Sudah kami booking kalau mau ubah jadwal kabari saja
Sudah kami booking. Ada lagi yang bisa dibantu?
Sudah kami booking ya kak, ada lagi yang bisa kami bantu hari ini?
Jangan khawatir kak, jadwalnya sudah dikonfirmasi
Terima kasih kak, pesanan kakak sudah kami konfirmasi 🙏
*Booking Berhasil* ✅
Kakak sudah terjadwal besok jam 9 pagi
No. booking kakak adalah 88123
Kami telah membuatkan booking untuk kakak, kami telah buatkan jadwal kakak
Status: Confirmed
Your appointment is confirmed
I've booked you in
I’ve booked you in for Saturday.
Great news! Your booking for tomorrow at 10:00 am has been confirmed.
You're all booked for Friday at 3pm.
We have successfully scheduled your repaint.
Booking confirmed ✅
Your booking reference is BK-77.
Done! I have reserved a slot for you, anything else?
Don't worry, your appointment has been rescheduled and your booking is confirmed
Your visit was scheduled for Monday. Let me know if you need anything else!
""".strip().splitlines()

NO_CLAIMS = """
Mau saya bookingkan?
Mau saya bookingkan kak, jam 10?
Apakah jadwalnya sudah dikonfirmasi kak
Kalau sudah dibayar, booking akan dikonfirmasi
Kalau DP sudah masuk, jadwal kakak dikonfirmasi
Booking dikonfirmasi setelah DP kami terima
Maaf kak, bookingnya belum berhasil
Belum berhasil kami booking
Akan kami booking ya kak
Nanti kami bookingkan ya
Jadwal kakak akan segera dikonfirmasi
Booking sedang kami proses
Bookingnya gagal kak
Bookingan kakak berhasil dibatalkan
Jam 10 sudah dibooking orang lain
Jam 10 sudah dibooking kak, jam 11 masih kosong
Terima kasih sudah booking di tempat kami
Sudah kami booking, ya kak?
Boleh minta kode bookingnya? Contoh: BK-1
Halo kak! Ada yang bisa dibantu?
Jam 10 masih kosong kak, mau saya bookingkan?
Untuk booking silakan kirim nama dan nomor HP
Tidak ada booking atas nama Budi
Jadwal yang tersedia: 10.00, 11.00
Sorry, I couldn't book that slot.
We were unable to confirm your booking.
Would you like me to book it?
I can book you in for Saturday.
I'll confirm your appointment shortly.
Your appointment will be confirmed once you pay.
Your booking is confirmed once the deposit arrives.
If you've paid, your appointment is confirmed.
Is your appointment confirmed?
Has your booking been confirmed yet?
That slot is already booked by another customer.
Saturday is fully booked.
Your booking has not been confirmed.
Your booking was cancelled.
There is no booking fee for 2 people.
Let me check whether I've booked you in
""".strip().splitlines()


@pytest.mark.parametrize("reply", CLAIMS)
def test_a_reply_that_says_so_claims_a_booking(reply):
    assert claims_booking(reply)
    assert claims_booking(reply.upper())
    assert claims_booking(f"Halo kak.\n\n{reply}\nSampai jumpa!")


@pytest.mark.parametrize("reply", NO_CLAIMS)
def test_questions_offers_conditions_denials_and_plans_claim_nothing(reply):
    assert not claims_booking(reply)
    assert not claims_booking(f"Halo kak.\n\n{reply}\nSampai jumpa!")


def test_one_claim_among_other_sentences_is_enough():
    assert claims_booking("Jam 9 belum bisa kak. Jam 10 sudah kami booking ya. Mau tambah cuci?")


@pytest.mark.parametrize("reply", ["", " ", "\n\n", "?", ".", "\x00", "🙏🙏", ",,,"])
def test_nothing_said_is_no_claim(reply):
    assert claims_booking(reply) is False


@given(st.text(max_size=500))
def test_any_text_has_an_answer(reply):
    assert claims_booking(reply) in (True, False)


@pytest.mark.parametrize(
    "bit",
    [
        "booking ", "sudah ", "booking a ", "your appointment ", "your a b ", "booking" + "-" * 10, "a", " ", ",", "?",
        "kakak sudah ", "kode booking ", "jadwal, ", "i've just ", "n't", "you're all set ", "'", "é", "\n", "- ",
        "terima kasih ", "tidak ", "i have already ", "booking-a " * 9 + "x" * 30,
    ],
)  # fmt: skip
def test_a_hostile_reply_of_100_kilobytes_costs_no_time(bit):
    reply = (bit * (100_000 // len(bit) + 1))[:100_000]
    began = time.process_time()
    claims_booking(reply)
    assert time.process_time() - began < 1

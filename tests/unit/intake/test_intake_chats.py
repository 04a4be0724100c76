from konversi.intake.chats import of_customer, of_one_person
from konversi.journeys.attribution import Known


def chat(journey, **user_data):
    return Known(journey, "whatsapp", "", None, 0.0, user_data)


ADI, ADI_TOO, BUDI, NOBODY = chat(1, ph=["a", "b"]), chat(2, ph=["b"]), chat(3, ph=["c"]), chat(4)


def test_several_chats_with_one_person_are_that_persons():
    assert list(of_one_person([ADI, ADI_TOO])) == [ADI, ADI_TOO]


def test_chats_with_several_people_are_nobodys():
    assert list(of_one_person([ADI, BUDI])) == list(of_one_person([NOBODY, NOBODY])) == list(of_one_person([])) == []


def test_a_chat_that_only_the_click_leads_to_says_nothing_of_the_person():
    known = {b"phone": [ADI], b"click": [BUDI]}
    told = {one.journey: one.user_data for one in of_customer([b"phone", b"click"], known, has_click=True)}
    assert told == {1: ADI.user_data, 3: {}}


def test_a_conversion_that_names_nobody_but_its_click_is_of_whoever_clicked():
    assert list(of_customer([b"click"], {b"click": [BUDI]}, has_click=True)) == [BUDI]

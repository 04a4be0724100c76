"""The sandbox's ad account: twelve ads in four ad sets in two campaigns."""

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN

from konversi.sandbox.ads import AD_IDS

FIELDS = {"fields": "adset_id,campaign_id,account_id,name"}


def look(http, node, **params):
    return http.get(f"/v26.0/{node}", params=params or FIELDS)


def test_every_ad_tells_where_it_belongs(http):
    ads = [look(http, ad).json() for ad in AD_IDS]
    assert len(ads) == 12
    assert [ad["id"] for ad in ads] == list(AD_IDS)
    assert len({ad["adset_id"] for ad in ads}) == 4
    assert len({ad["campaign_id"] for ad in ads}) == 2
    assert len({ad["account_id"] for ad in ads}) == 1
    assert all(ad["name"] for ad in ads)


def test_each_ad_set_belongs_to_one_campaign(http):
    ads = [look(http, ad).json() for ad in AD_IDS]
    assert len({(ad["adset_id"], ad["campaign_id"]) for ad in ads}) == 4


def test_ad_sets_and_campaigns_have_names_too(http):
    ad = look(http, AD_IDS[0]).json()
    ad_set = look(http, ad["adset_id"], fields="name,campaign_id").json()
    assert (ad_set["id"], ad_set["campaign_id"]) == (ad["adset_id"], ad["campaign_id"])
    assert look(http, ad["campaign_id"], fields="name").json()["name"]


def test_the_well_known_ids_never_change():
    assert (AD_IDS[0], AD_IDS[-1]) == ("120210000000001001", "120210000000001012")


def test_without_fields_an_ad_shows_its_id(http):
    assert http.get(f"/v26.0/{AD_IDS[0]}").json() == {"id": AD_IDS[0]}


def test_an_ad_has_no_other_fields(http):
    assert look(http, AD_IDS[0], fields="colour").json()["error"]["code"] == 100


@pytest.mark.parametrize("node", ["120210000000009999", "99999", "120210000000001001x"])
def test_an_ad_nobody_knows_does_not_exist(http, node):
    answer = look(http, node)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)


def test_ads_exist_beside_declared_datasets_and_nothing_else_does(own):
    own.declare(DATASET)
    with httpx2.Client(base_url=own.url, headers={"authorization": f"Bearer {TOKEN}"}) as http:
        assert look(http, AD_IDS[3]).json()["id"] == AD_IDS[3]
        assert look(http, "5555555555").json()["error"]["error_subcode"] == 33
        assert "error_subcode" not in look(http, DATASET).json()["error"]


def test_a_look_at_an_ad_needs_a_token(http):
    del http.headers["authorization"]
    assert look(http, AD_IDS[0]).status_code == 401


def test_an_ad_takes_no_events(http):
    assert http.post(f"/v26.0/{AD_IDS[0]}/events", json={"data": []}).json()["error"]["error_subcode"] == 33

"""Which doors are open in a process that does only a part."""

import pytest

from konversi.errors import DoorClosed
from konversi.intake.http.duties import check

OPEN = {
    ("GET", "/healthz"): {"intake", "delivery", "dashboard"},
    ("GET", "/readyz"): {"intake", "delivery", "dashboard"},
    ("GET", "/metrics"): {"intake", "delivery", "dashboard"},
    ("GET", "/docs"): {"intake", "delivery", "dashboard"},
    ("GET", "/openapi.json"): {"intake", "delivery", "dashboard"},
    ("POST", "/v1/events"): {"intake"},
    ("POST", "/api/meta/conversion"): {"intake"},
    ("GET", "/api/meta/conversion"): {"intake"},
    ("POST", "/webhooks/whatsapp"): {"intake"},
    ("GET", "/webhooks/messenger"): {"intake"},
    ("POST", "/v1/agent/turns"): {"intake"},
    ("GET", "/v1/events"): {"intake", "dashboard"},
    ("GET", "/v1/events/rc_1"): {"intake", "dashboard"},
    ("GET", "/v1/status"): {"intake", "dashboard"},
    ("GET", "/v1/journeys"): {"intake", "dashboard"},
    ("POST", "/v1/events/rc_1/replay"): {"dashboard"},
    ("POST", "/v1/datasets"): {"dashboard"},
    ("DELETE", "/v1/datasets/12345"): {"dashboard"},
}


@pytest.mark.parametrize("only", ["intake", "delivery", "dashboard"])
@pytest.mark.parametrize(("method", "path"), OPEN)
def test_each_part_opens_its_own_doors(only, method, path):
    if only in OPEN[method, path]:
        check(only, method, path)
    else:
        with pytest.raises(DoorClosed, match=only):
            check(only, method, path)


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_process_that_does_everything_opens_all_doors(method, path):
    check(None, method, path)

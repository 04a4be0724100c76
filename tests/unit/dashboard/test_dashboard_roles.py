"""Every address of the pages says which role it needs."""

import pytest

from konversi.access.roles import NotAllowed, Role, Scope, allows, role_of
from konversi.dashboard import pages
from konversi.dashboard.roles import NEEDS, needed
from konversi.dashboard.visitors import Visitor

PATHS = sorted({"/" if route.path == "/overview.json" else route.path.removesuffix(".json") for route in pages()})


@pytest.mark.parametrize("path", PATHS)
def test_a_page_declares_its_role(path):
    assert path in NEEDS, f"say in dashboard/roles.py which role {path} needs"


def test_no_role_is_declared_for_a_page_that_is_gone():
    assert sorted(NEEDS) == PATHS


def test_what_is_forgotten_needs_an_admin():
    assert needed("/forgotten") is Role.ADMIN


def test_each_role_may_do_what_those_below_it_may():
    may = {role: [needed for needed in Role if allows(role, needed)] for role in Role}
    assert may == {
        Role.VIEWER: [Role.VIEWER],
        Role.OPERATOR: [Role.VIEWER, Role.OPERATOR],
        Role.ADMIN: [Role.VIEWER, Role.OPERATOR, Role.ADMIN],
    }
    assert not any(allows(None, needed) for needed in Role)


def test_a_key_that_only_sends_may_not_look():
    assert [role_of(scope) for scope in Scope] == [None, Role.VIEWER, Role.ADMIN]


def test_who_may_not_is_told_the_role_that_it_takes():
    with pytest.raises(NotAllowed, match="operator"):
        Visitor("ana", Role.VIEWER).check(Role.OPERATOR)
    Visitor("ana", Role.VIEWER).check(None)

"""Whose uploads a caller's are."""

import uuid

from flask import Flask, g

from core.contract.roles import Role
from web.auth import callers
from web.auth.log_ins import Admin

ACCOUNT = uuid.UUID(int=7)


def sender(admin: Admin) -> str:
    with Flask("test").app_context():
        g.admin = admin
        return callers.sender()


def test_each_administrator_has_uploads_of_their_own() -> None:
    of_settings, of_table = Admin("admin", Role.OWNER), Admin("admin", Role.OWNER, account_id=ACCOUNT)
    kim, lee = (Admin(name, Role.OPERATOR, method="oidc") for name in ("kim", "admin"))
    senders = [sender(one) for one in (of_settings, of_table, kim, lee)]
    assert senders[:2] == ["admin", str(ACCOUNT)]
    assert len(set(senders)) == 4
    assert all(uuid.UUID(one) for one in senders[1:])


def test_uploads_outlive_the_session() -> None:
    before = Admin("kim", Role.OWNER, method="oidc", subject="7")
    assert sender(before) == sender(Admin("kim", Role.OPERATOR, method="oidc", subject="7"))
    assert sender(before) == sender(Admin("kim.lee", Role.OWNER, method="oidc", subject="7"))


def test_who_takes_a_name_over_gets_no_uploads() -> None:
    one, other = (Admin("kim", Role.OWNER, method="oidc", subject=subject) for subject in ("7", "8"))
    assert sender(one) != sender(other)

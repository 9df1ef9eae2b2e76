"""Keys and administrators that somebody changes while somebody else deletes them: gone, and no defect."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.access import admins, keys, second_factors
from core.contract.roles import Role
from core.database.engine import SessionFactory
from core.database.models import AdminAccount, ApiKey
from core.errors import NotFound
from web import current

CHANGES: list[tuple[type[ApiKey | AdminAccount], Callable[[Session, Any], object]]] = [
    (ApiKey, lambda session, one: keys.change(session, one, is_active=False)),
    (ApiKey, lambda session, one: keys.rotate(session, one, 0)),
    (ApiKey, keys.delete),
    (AdminAccount, lambda session, one: admins.change(session, one, role=Role.OWNER)),
    (AdminAccount, lambda session, one: admins.change(session, one, is_enabled=False)),
    (AdminAccount, lambda session, one: admins.set_password(session, one, "another staple")),
    (AdminAccount, second_factors.begin),
    (AdminAccount, admins.delete),
]


@pytest.mark.parametrize(("model", "change"), CHANGES)
def test_change_of_what_was_deleted_meanwhile_is_not_found(
    sessions: SessionFactory, model: type[ApiKey | AdminAccount], change: Callable[[Session, Any], object]
) -> None:
    with sessions() as session:
        key, _ = keys.create(session, "camera")
        kim = admins.create(session, "Kim", "staple battery", Role.VIEWER, reserved="admin")
        one = {ApiKey: key.id, AdminAccount: kim.id}[model]
    with sessions() as session:
        read = session.get_one(model, one)
        session.commit()
        with sessions() as other:
            other.execute(delete(model).where(model.id == one))
            other.commit()
        assert read is session.get_one(model, one)  # as one that was read just before
        with pytest.raises(NotFound), current.translate_database_errors():
            change(session, one)

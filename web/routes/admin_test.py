"""Mask a picture without storing it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.contract.options import MaskQuery
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.requests import caller_has_gone
from web.schemas.detect import MaskUpload
from web.schemas.mask import MaskResponse
from web.uploads import pictures

admin_test = APIBlueprint(
    "admin_test",
    __name__,
    url_prefix="/api/v1/admin/test",
    abp_tags=[Tag(name="Admin: test", description="Mask a picture without storing it.")],
)


@admin_test.post("/mask", summary="Test a mask", responses=openapi.test_mask(MaskResponse))
@guards.admin_or_key("operator", "admin")
def test_mask(query: MaskQuery, form: MaskUpload) -> Response:
    """Return the masked picture as base64, with the faces and the timings."""
    upload, context, options = pictures.received(query, form)
    masked = current.services().engine.run_mask(upload.data, options, caller_has_gone)
    return bodies.masked_json(masked, options, context)

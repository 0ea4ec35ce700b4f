"""Variables about certificates that several jobs have alike."""

from __future__ import annotations

from lern_pipeline.settings.variable import Variable, number, text

#: Tokens are literal text, backslashes included (collection-certificate-generator contract 7.4).
BAD_CHARACTERS = r"\x00,\\aaa,\aaa,Ø,Ý"

#: Where a template address points to before it is filled in (pre-processor contract 6, generator contract 7.3).
CLOUD_STORAGE: tuple[Variable, ...] = (
    text("cloud_storage_base_url", None, "Address of the cloud storage, used where there is no CNAME."),
    text("cloud_storage_cname_url", "", "CNAME of the cloud storage."),
    text("content_cloud_storage_container", None, "Container of the contents."),
    text(
        "cloud_store_base_path_placeholder",
        "CLOUD_BASE_PATH",
        "Placeholder in template addresses that stands for the storage address.",
    ),
)

RC_SEARCH_WAIT = number(
    "service.rc.search.wait.seconds",
    3,
    "How long a certificate that may have been created is looked for in RC, whose index is asynchronous, before it is "
    "created again.",
)

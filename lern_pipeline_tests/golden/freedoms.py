"""What a scenario's `free` lets a comparison ignore: the one place where those texts are understood.

A phrase that is not listed here fails the scenario, so that nobody adds a scenario without a look at its freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

#: Phrase → what it relaxes; None: the comparison ignores that always, or the masks say it already.
PHRASES: dict[str, str | None] = {
    # relation-cache-updater
    "unit JSON is compared as parsed JSON": None,
    "key order inside the unit JSON": None,
    "1.5E12 and 1500000000000.0 are the same number": None,
    "the three events may be collapsed to one computation": None,
    # activity-aggregate-updater and enrolment-reconciliation
    # assessment-aggregator
    "order of the question list (hash order in the reference)": "question_order",
    "the last bits of the sums when addition order differs": "sums",
    "number of certificate requests per user+course+batch within one micro-batch: at least one, the last one after "
    "the final aggregate update (section 9)": "coalesced_certificates",
    "attemptId of requests other than the last one per user+course+batch": None,
    "one content read per content and micro-batch is enough: fewer requests than recorded are allowed when the "
    "answers do not differ": "repeated_requests",
    # The masks say that it is some text.
    "text of metadata.validation_error (non-empty, not reproducible)": None,
    "it names the content": None,
    "how the repetition is timed": None,
    # As recorded: key layout A.
    "with key layout B an empty courseId is stored like any other": None,
    # Here they are in the order of the event, as recorded.
    "order of members inside the JSON texts": None,
    "metadata.stage may be missing: nothing was stored, so feeding it in again needs no second stage 2": None,
    # activity-aggregate-updater and enrolment-reconciliation, their failures
    "the wording of failInfo.error": "error_wording",
    "failInfo.error of a look-up that failed": "error_wording",
    "number of requests (at least one)": "repeated_requests",
    "a second request when the two events run in different batches": "repeated_requests",
    "null counters of x0": "null_counters",
    "the failed records of the empty record, of null and of the tombstone carry no tag and are not listed": None,
    "times of the rows": None,
    "times of the aggregates": None,
    "times and number of the enrolment's updates": None,
    "whether a dropped repeat counts as processed or skipped (§16 counts it in batch-enrolment-update-count)": (
        "processed_or_skipped"
    ),
    "ttl is the remaining time: at most the value given, at least 900 s less": None,
    # Nobody tells this job to: threshold.batch.read.size is another in that scenario.
    "an implementation told to take one content at a time (threshold.batch.read.size 1) ends as under `reference`": (
        None
    ),
    # collection-cert-pre-processor
    "Order of the messages of different learners and of the templates of one event": None,
    "failInfo may carry more members (topic, partition, offset), and the failed record more top-level members": None,
    # This one writes them.
    "members of the output event whose value is null may be left out": None,
    # Reads are made for all learners of a batch at once.
    "How often one profile is read for one event (the reference: once per template": "repeated_requests",
    "once is enough)": "repeated_requests",
    "Order and number of the content reads (the reference may read a content twice)": "repeated_requests",
    "The order and number of the content reads (a 500 may be tried again)": "repeated_requests",
    "Order of the http requests of different learners": "repeated_requests",
    "The profile may be read once for the batch": "repeated_requests",
    "Whether the profile has been read when the template is refused": "unasked_requests",
    "edata.issuedDate is today's date in UTC as yyyy-MM-dd": None,
    "edata.issuedDate is today's date in UTC": None,
    # As in every job, the text stands under `raw`.
    "The shape of a failed record whose original is no JSON object (the original bytes may be base64, then the tag is "
    "not to be seen)": "failed_records",
    # program-user-info: as any other failed record, and as the masks have it.
    "what the failed record looks like beyond the original": None,
    "what the failed record looks like (it carries no tag and is not listed)": None,
    # notification-job
    # Topics.messages leaves the scenario's own out.
    "messages on lms.notification: only what the job adds, not the scenario's own records": None,
    "account: an ignored event changes only the total in the contract": None,
    "here it is booked as skipped": None,
    "account: of the scenario's own records": None,
    "the retry event is counted again when it is consumed": "requeued",
    "what the failed records look like": "failed_records",
    "that of the record without value is not listed": None,
    # Comparison.mails leaves out what the sender chooses.
    "Content-Transfer-Encoding, folding, header order": None,
    "a Date header (the reference sends none, the contract asks for one)": None,
    "order of the envelope's recipients": None,
    "line ends (CRLF or LF) and line ends at the end of the text": None,
    "the mechanism": None,
    # user-cache-updater: on the shared failed topic; requests are not expected where their number is free.
    "Where the parked event is kept.": None,
    "Where the parked event is kept, and how often a transport error, 5xx or malformed body is retried before (section "
    "6): so the number of repeated equal requests. http is left out of expected for that reason": None,
    "How often the user read is called for several events of one user in one batch (section 7 allows one read after "
    "the last registered event). http is left out of expected for that reason": None,
    "what the existing system did is under reference.": None,
    # collection-certificate-generator
    "How often and when the public key is searched (POST …/PublicKey/search carries no tag and is left out unless the "
    "scenario has its own service.rc.basePath": None,
    "it comes before the create)": None,
    "The DELETE of the old certificate comes after the create": None,
    "its place among the calls after that is open": "deletes_anywhere",
    "Whether repeated or retried calls are made beyond those listed is only open where the scenario says so": None,
    "failInfo may carry more members (topic, partition, offset)": None,
    "failInfo may carry more members": None,
    "heldDate is today's date in UTC, yyyy-MM-dd": None,
    "Order of the requests of different learners": "request_order",
    "How often the mail is tried": "repeated_requests",
    "How often the search is repeated": "repeated_requests",
    "How often a delete that answered 500 is tried before the clean-up": "repeated_requests",
    "How often the delete is tried again": "repeated_requests",
    "Form and number of the look-ups of the certificate (POST …/search": "look_ups",
    "the stub knows none)": None,
    "Whether RC is searched for the certificate before the second create": "look_ups",
    "The shape of a failed record whose original is no JSON object: it carries jobName, failInfo and the original "
    "bytes (perhaps base64)": "unreadable_records",
    "Whether the second request carries the same certificate id (it should)": None,
    "The QR code image (its content, access code and look) and the access code": None,
    "the object <tag>/<certificate id>.json in the container cert_container_name holds the certificate of "
    "request.jsonData (storage is not part of the file": None,
    "recorded with an S3 stand-in, the player gives any)": None,
    "How often the svg is downloaded (cached per url)": None,
    "Whether entity holds absent members, and the order of signing and svg download": "request_order",
    # legacy-certificate-migrator
    'the public key search (POST /v1/PublicKey/search with {"filters":{}}): it carries no tag, is not in `http`, and '
    "may be cached": None,
    "play alone (the settings differ from the others' for that): its answer to the public key search holds for the "
    "whole stub": None,
    "further members of the failed record (topic, partition, offset, time …)": None,
    "failInfo.error beyond the documented text": None,
    "all headers but Authorization and Content-Type": None,
    "how often a transient call is tried": "repeated_requests",
    "http: how often the call is made": "repeated_requests",
    "how often the search is repeated": "repeated_requests",
    "how often the search is repeated before the create (section 8)": "repeated_requests",
    "failInfo": None,
    "failInfo.errorCode": None,
    "whether RC is searched for the certificate before the create is repeated": "look_ups",
    "whether RC is searched at all (the entry's identifier is not oldId: D1 already answers)": "look_ups",
    "whether the state is still null or already migration_started": "state_not_begun",
    "whether the unchanged list is written again": None,
    "what the failed record of an unreadable record looks like (not in `messages`)": "unreadable_records",
    "parameters of the content type": None,
    "whether the event ends in the failed topic or the batch fails and is repeated": "more_failed_records",
    "the account then": None,
    "query parameters of the DELETE": "delete_query",
    # user-deletion-cleanup: requests are not expected where their number or order is free.
    "Random parts and times of the AUDIT message (masked)": None,
    "Repeated equal Keycloak calls": None,
    "Order of the requests of the two events": None,
    "How often the user is read: the existing system reads once per event, an event without organisationId may also be "
    "skipped before the read": None,
    "How often the DELETE that answers 500 is repeated before the fall-back (decisions 5)": None,
    "Members that are null in the body of the PUT (the reference's client sends every member it knows)": None,
    "How often the read is retried": None,
    "where the parked event is kept": None,
    "Where the quarantined event is kept": None,
    "Where the event is kept for the retry": None,
    "Whether the invalid event is only skipped or also parked": None,
    "Lookups that can no longer be computed from the blanked row stay": None,
    "The reference asks the service for the user 'null' (404) before it skips": None,
    "not required": None,
    # ml-user-delete, ml-transfer-ownership: on the shared failed topic.
    "Where the parked messages are kept.": None,
    "Where the parked message is kept.": None,
    "Where the parked messages are kept": None,
    "Where the parked message is kept": None,
    "In the reference the last writes are not awaited (D3): what it left is one of the possible outcomes": None,
    # user-ownership-transfer: bodies are masks; requests are not expected where their number is free.
    "Bodies of the searches: limit and offset are added (D4), fields may differ": None,
    "the stub answers only to the right filters": None,
    "Order of the two searches and of the writes (D5)": None,
    "Whether a user is read again for the second event": None,
    "Number of searches": None,
    "Number of searches (page size)": None,
    "http is left out of expected for that reason": None,
    "what the existing system did is under reference": None,
    "The invalid messages are parked too": None,
    # Here it stays, as recorded.
    "mentors of document b1: the row has none, so it may stay as it is or follow the row (decisions 9)": None,
    "never n-uo23-2": None,
    # merge-user-courses
    "order of the sync events of different accounts": None,
    "text of failInfo.error where it is <any>": None,
    # This one reads them as the recording did.
    "a re-implementation may treat every one of these texts of the old account as unparsable (section 4.1): then "
    "lastupdatedtime stays 2023-12-31 00:00:00:000+0000": None,
}


@dataclass(frozen=True)
class Freedoms:
    """What may differ from the recording."""

    error_wording: bool = False
    """failInfo.error may be any text."""
    repeated_requests: bool = False
    """Expected requests may be made more than once."""
    unasked_requests: bool = False
    """Requests may be made that are not expected."""
    null_counters: bool = False
    """viewcount and completedcount that are expected to be null may be 0."""
    question_order: bool = False
    """Elements of the column `question` may be in any order."""
    sums: bool = False
    """Numbers of rows may differ in their last bits."""
    coalesced_certificates: bool = False
    """Of several certificate requests for one user, course and batch the last is enough."""
    deletes_anywhere: bool = False
    """DELETE requests may stand anywhere in the order of the requests."""
    request_order: bool = False
    """Requests may be made in any order."""
    look_ups: bool = False
    """Searches for a certificate do not count."""
    unreadable_records: bool = False
    """Failed records of unreadable records do not count."""
    more_failed_records: bool = False
    """Failed records that were not expected may be there."""
    delete_query: bool = False
    """DELETE requests may have any query."""
    state_not_begun: bool = False
    """The state of a migration may be none instead of begun."""
    processed_or_skipped: bool = False
    """Events may move between the accounts `processed` and `skipped`."""
    requeued: bool = False
    """Messages that the job adds to the topic it reads are consumed too, and are then processed or skipped."""
    failed_records: bool = False
    """A text with masks may stand for a JSON object."""


def _phrases(text: str) -> list[str]:
    """Parts between semicolons; those that are not known as a whole, sentence by sentence."""
    phrases = []
    for part in text.strip().split("; "):
        sentences = part.removesuffix(".").split(". ")
        phrases += [part] if part in PHRASES else sentences
    return phrases


def freedoms_of(free: str | Sequence[str] | None) -> Freedoms:
    """The freedoms that a scenario's `free` gives. Raises LookupError for a phrase that is not known."""
    given: set[str] = set()
    for text in [free] if isinstance(free, str) else free or []:
        for phrase in _phrases(text):
            if phrase not in PHRASES:
                raise LookupError(f"free: {phrase!r} is not known; say in {__name__} what it relaxes")
            relaxed = PHRASES[phrase]
            if relaxed is not None:
                given.add(relaxed)
    assert given <= {field.name for field in fields(Freedoms)}
    return Freedoms(**dict.fromkeys(given, True))

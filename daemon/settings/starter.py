"""The commented `segue.yaml` that `segue init` writes: it loads as it stands.

What most people change is set; what few change stands commented out at its default, so the file
is also the reference. A test keeps it complete and true to the schema.
"""

import json

from daemon.domain.identity import ProjectType


def starter_yaml(
    *,
    name: str = "my project",
    project_type: ProjectType = ProjectType.HYBRID,
    data_center: str = "US",
    source: str = "web",
) -> str:
    """The text of a first `segue.yaml`; `source` is the operator's name for a Segment source."""
    return (
        _TEXT.replace("@NAME@", json.dumps(name, ensure_ascii=not name.isprintable()))
        .replace("@TYPE@", project_type.value)
        .replace("@CENTER@", data_center)
        .replace("@SOURCE_KEY@", _key(source))
        .replace("@SOURCE@", source)
    )


def _key(source: str) -> str:
    """In quotes where YAML would take it for a number or a word of its own."""
    plain = source[0].isalpha() and source not in {"true", "false", "null"}
    return source if plain else json.dumps(source)


_TEXT = """\
# Segue's settings. Check them with `segue check`.
#
# Every key may also come from the environment (SEGUE_INGEST__PORT=8081), which wins over this
# file. Secrets don't belong here: give them as systemd credentials (iterable-api-key,
# segment-webhook-secret.@SOURCE@, segment-write-key.@SOURCE@, profile-api-token, store-url), in
# the environment, or name a file only you can read (api_key_file: /etc/segue/api-key).
# What is commented out shows its default.

project:
  name: @NAME@                        # what you call it
  type: @TYPE@                        # email, userId or hybrid: fixed when the project was created

iterable:
  data_center: @CENTER@               # US or EU
  # api_key_file:                     # a file holding a server-side API key
  # base_url:                         # another address than the data center's
  # limits:                           # calls per second, where not Iterable's published limit,
  #   users/bulkUpdate: 4             # for instance to leave a share to other tools
  # lag_seconds: 15                   # until a write can be read back; the reconciler's grace
  # opt_in_types: subscribed          # who gets a message type of policy OptIn: whoever is listed
  #                                   # as subscribed, or (unsubscribed) all who aren't listed so
  # timeout_seconds: 30               # one call may take
  # concurrency: 4                    # calls in flight per endpoint

sources:                              # Segment's sources, by names of yours: a-z, 0-9, _ and -
  @SOURCE_KEY@: {}
    # webhook_secret_file:            # the Webhooks destination's shared secret; while it is
    #                                 # rotated, two lines: the new one and the old one
    # write_key_file:                 # the write key SDKs send, where they talk to Segue directly

store:
  # url:                              # sqlite:///<file> or postgresql://<user>@<host>/<database>;
  #                                   # by default segue.db in the state folder
  # retention_days: 7                 # days the log is kept for replay, preview and audit
  # dedupe_hours: 24                  # hours a messageId is remembered
  # max_unsent_messages: 10000000     # above which ingest answers "try again later"

ingest:
  # host: 127.0.0.1                   # address to listen on; give TLS or a proxy before widening it
  port: 8080                          # port to listen on; 0 takes a free one
  # tls_cert_file:                    # certificate chain, PEM
  # tls_key_file:                     # its key, PEM
  # trusted_proxies: []               # addresses whose X-Forwarded-* headers are believed
  # accept_unsigned: false            # take webhook requests of sources that have no secret
  # request_timeout_seconds: 5        # until a request is answered; Segment waits 5
  # waiting_requests: 512             # requests waiting for a commit; beyond that 503
  # commit_messages: 2000             # messages that share one commit at most
  # webhook_max_bytes: 16777216       # bytes of one webhook request
  # webhook_max_messages: 4000        # messages of one webhook request
  # webhook_message_max_bytes: 262144 # bytes of one message in it
  # tracking_max_bytes: 4194304       # bytes of one tracking request, inflated
  # message_max_bytes: 32768          # bytes of one message in it
  # max_nesting: 32                   # levels of objects in a message
  # max_traits: 2000                  # traits or properties of a message
  # blocked_ids: [anonymous, "null"]  # identifiers nobody has; your list replaces the built-in one

lanes:
  # count: 1                          # lanes that share the 64 shards
  # turn_messages: 2000               # messages folded in one turn
  # window_messages: 20000            # messages events may be sent ahead of one that waits
  # parked_messages: 100000           # messages parked before the window stops
  # hold_anonymous_days: 7            # days the messages of someone anonymous are held
  # hold_anonymous_messages: 1000     # and how many of one person
  # profile_max_traits: 2000          # traits of one profile
  # profile_max_bytes: 262144         # bytes of one profile's traits
  # trait_max_bytes: 32768            # bytes of one trait; Iterable takes about as many
  # max_hops: 4                       # hand-overs of one message between shards
  # drain_seconds: 15                 # a lane may take to finish its turn at the end

reconcile:
  schedule: every 6h                  # or a crontab line in UTC, such as "0 4 * * *", or off
  repair: ask                         # auto: a scheduled run applies its plan if every guard holds
  # max_share: 0.05                   # share of users a plan may touch without an explicit yes
  # keep_runs: 30                     # runs whose reports are kept
  # recreate_deleted: false           # create users again that were deleted in Iterable

segment:
  # profile_api:                      # refreshes traits from Segment's Profile API
  #   space_id:                       # the Unify space
  #   token_file:                     # a file holding its access token
  #   base_url: https://profiles.segment.com   # EU: https://profiles.euw1.segment.com

telemetry:
  # metrics: none                     # none, console, otlp or prometheus
  # traces: none                      # none, console or otlp
  # otlp_endpoint: http://127.0.0.1:4318   # the OTLP/HTTP collector
  # prometheus_host: 127.0.0.1        # address /metrics listens on
  # prometheus_port: 9464             # and its port
  # interval_seconds: 30              # between exports
  log_level: info                     # debug, info, warning or error
  # log_format: text                  # text or json; one line each, to stderr

control:
  # socket:                           # by default segue.sock in the runtime or state folder

mappings:                             # what maps to what; subscribe is Segment's FQL
- name: profiles                      # every identify keeps the user's fields true
  subscribe: type = "identify"
  action: update_user
  fields:
    "*": $.traits                     # all traits under their own names; exceptions go below
    # firstName: $.traits.first_name

- name: product events                # these track calls become custom events
  subscribe: event in ["Order Completed", "Cart Abandoned"]
  action: track_event
  preset: segment                     # the fields Segment's own destination sends

- name: churn risk list               # an Engage audience kept as a list
  audience: churn_risk                # its key
  action: subscribe_list
  list: "Segment: churn risk"         # name or id
  create: true                        # if there is no such list

- name: opt-outs                      # who opts out stays out
  subscribe: event in ["Unsubscribed", "Email Unsubscribed"] or traits.marketing_ok = false
  action: update_subscriptions
  unsubscribe: {channels: [Marketing Email]}
  opt_in: event = "Subscribed"        # the only thing that undoes it
"""

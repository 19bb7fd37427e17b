"""How fast mappings are evaluated, beside Segment's own framework where Node is at hand.

`python -m tests.bench.mapping_payloads` prints the table. Segment's `@segment/actions-core` is
installed by npm into a temporary folder; without Node, npm or a way to the packages its column says
why it is empty. Both evaluate the same mappings on the same messages, and must agree on them.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from daemon.mapping.directives import compile_mapping

ROUNDS = 5
SECONDS = 0.4
INSTALLING = 120
NODE_PACKAGES = ("@segment/actions-core", "liquidjs@10")
NODE_SCRIPT = """
const {transform} = require('@segment/actions-core');
const cases = JSON.parse(require('fs').readFileSync(0));
const found = cases.map(({mapping, event}) => {
  let best = 0;
  for (let round = 0; round < %(rounds)d; round++) {
    let count = 0; const began = process.hrtime.bigint(); let passed = 0;
    while (passed < %(nanoseconds)d) {
      for (let i = 0; i < 500; i++) transform(mapping, event);
      count += 500; passed = Number(process.hrtime.bigint() - began);
    }
    best = Math.max(best, count / passed * 1e9);
  }
  return {rate: best, value: transform(mapping, event)};
});
console.log(JSON.stringify(found));
"""


class Figure(NamedTuple):
    """Evaluations a second on one core. `node` is None where Segment's framework wasn't asked."""

    name: str
    ours: float
    node: float | None
    note: str


def path(name: str) -> dict[str, Any]:
    return {"@path": name}


def email(name: str) -> dict[str, Any]:
    return {
        "@if": {"exists": path(name), "then": path(name), "else": path("$.context.traits.email")}
    }


PRODUCTS = [
    {
        "product_id": f"p-{number}",
        "sku": f"sku-{number}",
        "name": f"Product number {number}",
        "price": 19.5 + number,
        "quantity": number,
        "category": "Games",
        "url": f"https://shop.example/products/{number}",
        "image_url": f"https://shop.example/products/{number}.jpg",
    }
    for number in range(1, 4)
]
TRACK: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": "user-8a7f31",
    "anonymousId": "507f191e810c19729de860ea",
    "messageId": "ajs-next-1700000000-4b0a",
    "timestamp": "2026-11-20T13:37:19.123Z",
    "receivedAt": "2026-11-20T13:37:20.123Z",
    "sentAt": "2026-11-20T13:37:19.523Z",
    "originalTimestamp": "2026-11-20T13:37:19.001Z",
    "version": 2,
    "context": {
        "ip": "203.0.113.7",
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "app": {"name": "Shop", "version": "5.4.1", "build": "3.0.1"},
        "campaign": {
            "name": "autumn",
            "source": "newsletter",
            "medium": "email",
            "term": "shoes",
            "content": "b",
        },
        "page": {
            "path": "/checkout/done",
            "referrer": "https://shop.example/checkout",
            "search": "",
            "title": "Thank you",
            "url": "https://shop.example/checkout/done",
        },
        "library": {"name": "analytics.js", "version": "next-1.84.1"},
        "location": {"city": "Berlin", "country": "DE", "latitude": 52.52, "longitude": 13.4},
        "device": {"id": "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB", "type": "desktop"},
        "traits": {"email": "ann@example.com", "firstName": "Ann", "phone": "+49-30-1234-567"},
    },
    "properties": {
        "order_id": "o-50314b8e9bcf000000000000",
        "checkout_id": "c-fksdjfsdjfisjf9sdfjsd9f",
        "affiliation": "Online shop",
        "total": 127.5,
        "revenue": 112.0,
        "shipping": 3.5,
        "tax": 12.0,
        "discount": 2.5,
        "coupon": "summer",
        "currency": "USD",
        "plan": "Pro",
        "campaignId": 123,
        "payment": {"method": "card", "brand": "visa", "last4": "4242", "installments": 1},
        "delivery": {"method": "parcel", "carrier": "DHL", "days": 2, "gift": False},
        "products": PRODUCTS,
    },
    "integrations": {"All": True},
}
IDENTIFY: dict[str, Any] = {
    "type": "identify",
    "userId": "user-8a7f31",
    "messageId": "ajs-next-1700000001-4b0b",
    "timestamp": "2026-11-20T13:37:19.123Z",
    "context": TRACK["context"],
    "traits": {
        "email": "ann@example.com",
        "firstName": "Ann",
        "phone": "+49301234567",
        "plan": "pro",
        "address": {"city": "Berlin", "country": "DE"},
    },
}
TRACK_EVENT = {
    "email": email("$.properties.email"),
    "userId": path("$.userId"),
    "dataFields": path("$.properties"),
    "eventName": path("$.event"),
    "id": path("$.messageId"),
    "createdAt": path("$.timestamp"),
    "campaignId": path("$.properties.campaignId"),
    "templateId": path("$.properties.templateId"),
    "enable_batching": True,
    "batch_size": 1001,
}
UPDATE_USER = {
    "email": path("$.traits.email"),
    "userId": path("$.userId"),
    "dataFields": path("$.traits"),
    "phoneNumber": path("$.traits.phone"),
    "mergeNestedObjects": False,
    "enable_batching": True,
    "batch_size": 1001,
}
FIFTEEN_FIELDS = {
    "email": email("$.properties.email"),
    "userId": path("$.userId"),
    "eventName": path("$.event"),
    "id": path("$.messageId"),
    "createdAt": path("$.timestamp"),
    "plan": {"@case": {"operator": "lower", "value": path("$.properties.plan")}},
    "title": {"@template": "{{event}} by {{context.traits.firstName}}"},
    "phone": {
        "@replace": {"pattern": "-", "replacement": "", "value": path("$.context.traits.phone")}
    },
    "url": path("$.context.page.url"),
    "city": path("$.context.location.city"),
    "items": {
        "@arrayPath": [
            "$.properties.products",
            {
                "id": path("product_id"),
                "name": path("name"),
                "price": path("price"),
                "quantity": path("quantity"),
            },
        ]
    },
    "campaign": {
        "@merge": {
            "direction": "right",
            "objects": [path("$.context.campaign"), {"app": path("$.context.app.name")}],
        }
    },
    "device": {"@flatten": {"separator": "_", "value": path("$.context.device")}},
    "coupon": {
        "@if": {
            "blank": path("$.properties.coupon"),
            "then": path("$.properties.coupon"),
            "else": "none",
        }
    },
    "page": {"@json": {"mode": "encode", "value": path("$.context.page")}},
}
CASES: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("default trackEvent", TRACK_EVENT, TRACK),
    ("default updateUser", UPDATE_USER, IDENTIFY),
    ("15 fields, 2.2 kB track event", FIFTEEN_FIELDS, TRACK),
)


def figures() -> list[Figure]:
    """Each case measured here and, where possible, in Segment's own framework."""
    theirs, note = _in_node()
    found = []
    for index, (name, mapping, event) in enumerate(CASES):
        compiled = compile_mapping(mapping)
        if theirs and json.loads(json.dumps(compiled.evaluate(event))) != theirs[index]["value"]:
            raise AssertionError(f"{name}: the two don't agree")
        rate = theirs[index]["rate"] if theirs else None
        found.append(Figure(name, _rate(compiled.evaluate, event), rate, note))
    return found


def _rate(evaluate: Callable[[dict[str, Any]], Any], event: dict[str, Any]) -> float:
    """The best of several rounds, in evaluations a second."""
    best = 0.0
    for _ in range(ROUNDS):
        count = 0
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < SECONDS:
            for _ in range(500):
                evaluate(event)
            count += 500
        best = max(best, count / passed)
    return best


def _in_node() -> tuple[list[dict[str, Any]] | None, str]:
    """What Segment's framework gives and how fast, or None and why not."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None, "there is no Node here"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "package.json").write_text("{}", encoding="utf-8")
        install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *NODE_PACKAGES]
        try:
            subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=INSTALLING)
        except (subprocess.SubprocessError, OSError) as error:
            return None, f"Segment's framework can't be installed: {type(error).__name__}"
        script = NODE_SCRIPT % {"rounds": ROUNDS, "nanoseconds": int(SECONDS * 1e9)}
        cases = json.dumps([{"mapping": mapping, "event": event} for _, mapping, event in CASES])
        ran = subprocess.run(
            [node, "-e", script],
            cwd=folder,
            input=cases,
            capture_output=True,
            text=True,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(ran.stdout)
        return found, ""


def main() -> None:
    lines = [f"{'evaluations a second':32} {'here':>12} {'Segment':>12} {'times':>6}"]
    for name, ours, node, note in figures():
        beside = f"{node:12,.0f} {ours / node:6.1f}" if node else f"{'-':>12} {note}"
        lines.append(f"{name:32} {ours:12,.0f} {beside}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Values of the formats that the OpenAPI document names and JSON Schema has no words for."""

import base64
import datetime
import json

import schemathesis
from hypothesis import strategies as st

names = st.from_regex(r"\A[a-z0-9]{1,20}\Z")
tags = st.integers(0, 10**15 - 1).map('"{}"'.format)
moments = st.datetimes(min_value=datetime.datetime(2000, 1, 1))


def cursors(first, second):
    texts = st.tuples(first, second).map(lambda pair: json.dumps(pair).encode())
    return texts.map(lambda text: base64.urlsafe_b64encode(text).decode().rstrip("="))


for name, values in {
    "cursor-by-name": cursors(names, names),
    "cursor-by-time": cursors(st.integers(0, 2**53 - 1), names),
    "entity-tags": st.just("*") | st.lists(tags, min_size=1, max_size=3).map(", ".join),
    "time-in-zone": st.times().map("{:%H:%M}".format) | moments.map("{:%Y-%m-%dT%H:%M:%SZ}".format),
}.items():
    schemathesis.openapi.format(name, values)

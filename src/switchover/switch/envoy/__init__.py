"""Steers Envoy over delta ADS: what to serve, how to serve it, and the embedded process.

What belongs here: plans as Envoy resources (`resources`, pure), the delta protocol (`session`, pure; `ads`, its
shell), accounts of traffic (`load_reports`), the driver, and the Envoy that we start ourselves (`bootstrap`, `binary`,
`process`). What must not: deciding who is active, the store, and protobuf outside `messages`.
"""

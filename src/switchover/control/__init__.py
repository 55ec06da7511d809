"""The only folder that knows the order: probe → health → decision → record → switch → record → notify.

What belongs here: the cycle (read it first), the collector of observations, commands, queries, the
service that routes and libraries call. What must not: rules (decision), SQL (record), xDS (switch), HTTP (api).
"""

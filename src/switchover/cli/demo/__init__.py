"""The demo: kill, revive and freeze the active instance under load, on the real product, and watch.

What belongs here: the little instances, the load, the story and how it is shown. What must not: anything that the
product needs; the demo starts `switchover up` as a user would and watches through the API.
"""

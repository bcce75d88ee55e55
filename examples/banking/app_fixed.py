"""The bank of ``app.py`` with its lock where it belongs: around the read and the write together.

The slow call to the other service comes first, so that nobody waits for it while holding the lock.
"""

from __future__ import annotations

import threading
import time

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

import raceway

CUSTOMERS = ("alice", "bob", "carol")
OPENING_BALANCE = 1_000


def create_app() -> Flask:
    """Return a bank in which every customer has the opening balance."""
    app = Flask(__name__)
    accounts = raceway.watch(
        {customer: {"balance": OPENING_BALANCE} for customer in CUSTOMERS}, name="accounts"
    )
    accounts_lock = threading.Lock()

    @app.get("/balances")
    def balances() -> ResponseReturnValue:
        with accounts_lock:
            return jsonify({customer: accounts[customer]["balance"] for customer in CUSTOMERS})

    @app.post("/transfer")
    def transfer() -> ResponseReturnValue:
        order = request.get_json()
        source, target, amount = order["from"], order["to"], order["amount"]
        check_with_fraud_service(order)
        with accounts_lock:
            balance = accounts[source]["balance"]
            if balance < amount:
                return jsonify(error="not enough money"), 409
            accounts[source]["balance"] = balance - amount
            accounts[target]["balance"] += amount
        return jsonify(status="done")

    return app


def check_with_fraud_service(order: dict[str, object]) -> None:
    """Stand for a call to another service: it takes a while and changes nothing."""
    del order
    time.sleep(0.002)

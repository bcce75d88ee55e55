"""The programs of the README of Raceway's SDK, as they stand there, against this server."""

import subprocess
import sys
import textwrap

from running_server import environment

QUICK_START = """
from raceway import RacewayClient, Config

# Initialize the client
client = RacewayClient(Config(
    endpoint="http://localhost:8080",
    service_name="my-service",
    environment="development",
    batch_size=50,
    flush_interval=1.0,
    debug=False,
))

# Start a trace
client.start_trace()

# Track state changes
client.track_state_change(
    variable="user.balance",      # Variable name
    old_value=100,                 # Old value
    new_value=150,                 # New value
    location="app.py:42",          # Location
    access_type="Write",           # Access type: "Read" or "Write"
)

# Track function calls
client.track_function_call(
    function_name="process_payment",  # Function name
    module="payments",                # Module
    args={"amount": 50},              # Arguments
    file="payments.py",               # File
    line=25,                          # Line number
)

# End the trace
client.end_trace()

# Shutdown (flush remaining events)
client.shutdown()
"""

FLASK = '''
from flask import Flask, request
from raceway import RacewayClient, Config
from raceway.middleware import flask_middleware

app = Flask(__name__)

# Initialize Raceway client
raceway = RacewayClient(Config(
    endpoint="http://localhost:8080",
    service_name="banking-api",
    debug=False,
))

# Create middleware instance
middleware = flask_middleware(raceway)

# Use Raceway middleware
@app.before_request
def init_raceway():
    """Initialize Raceway context before each request."""
    middleware.before_request()

@app.after_request
def finish_raceway(response):
    """Finish Raceway tracking after each request."""
    return middleware.after_request(response)

@app.route("/transfer", methods=["POST"])
def transfer():
    data = request.get_json()

    raceway.track_function_call("transfer", {"from": data["from"], "to": data["to"]})

    # Read balance
    balance = accounts[data["from"]]["balance"]
    raceway.track_state_change(
        f"{data['from']}.balance",
        None,
        balance,
        "Read"
    )

    # Write new balance
    accounts[data["from"]]["balance"] -= data["amount"]
    raceway.track_state_change(
        f"{data['from']}.balance",
        balance,
        accounts[data["from"]]["balance"],
        "Write"
    )

    return {"success": True}
'''
# Two customers at the same time; in the README there is nobody who uses it.
CUSTOMERS = """
import threading
both = threading.Barrier(2)
class Account(dict):
    seen = threading.local()
    def __getitem__(self, key):
        value = super().__getitem__(key)
        if not getattr(self.seen, "once", False):
            self.seen.once = True
            both.wait(20)
        return value
accounts = {"alice": Account(balance=100)}
def pay():
    with app.test_client() as customer:
        order = {"from": "alice", "to": "bob", "amount": 10}
        assert customer.post("/transfer", json=order).status_code == 200
threads = [threading.Thread(target=pay) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
raceway.shutdown()
"""


def run(server, tmp_path, text):
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(text.replace("http://localhost:8080", server.url)))
    done = subprocess.run(
        [sys.executable, str(program)],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_quick_start(server, tmp_path):
    run(server, tmp_path, QUICK_START)
    server.analysed()
    assert server.data_of("/status")["events_captured"] == 2
    (trace,) = server.data_of("/api/traces")["traces"]
    assert trace["services"] == ["my-service"]
    (variable,) = server.data_of("/api/v1/variables?name=user.balance")["variables"]
    assert (variable["writes"], variable["accesses"][0]["value"]) == (1, 150)
    assert server.findings() == []


def test_flask(server, tmp_path):
    run(server, tmp_path, FLASK + CUSTOMERS)
    (finding,) = [one for one in server.findings() if one["variable"] == "alice.balance"]
    assert (finding["severity"], finding["certainty"]) == ("critical", "observed")
    assert {side["function"] for side in finding["accesses"]} == {"transfer"}
    assert all(side["location"].startswith(str(tmp_path)) for side in finding["accesses"])

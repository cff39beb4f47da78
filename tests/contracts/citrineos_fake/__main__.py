"""The fake alone: two stations that charge all the time, until interrupted."""

import argparse
import sys
import time
from datetime import UTC, datetime

from tests.contracts.citrineos_fake import citrine
from tests.contracts.citrineos_fake.server import SECRET, js_instant


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for CitrineOS")
    parser.add_argument("--amqp", required=True, help="amqp://user:password@host:port/vhost")
    parser.add_argument("--tenant", type=int, default=1)
    parser.add_argument("stations", nargs="*", default=["CIT-001", "CIT-002"])
    words = parser.parse_args()
    with citrine(words.amqp) as fake:
        sys.stdout.write(f"REST {fake.rest_url}  GraphQL {fake.graphql_url}  secret {SECRET}\n")
        sys.stdout.flush()
        begun = int(time.time())
        for seq_no in range(10_000):
            for station_id in words.stations:
                fake.connect(station_id, tenant_id=words.tenant)
                now = datetime.now(UTC)
                sampled = [{"value": 1000 + 50 * seq_no}]
                payload = {
                    "eventType": "Updated" if seq_no else "Started",
                    "timestamp": js_instant(now),
                    "triggerReason": "MeterValuePeriodic",
                    "seqNo": seq_no,
                    "transactionInfo": {"transactionId": f"{station_id}-{begun}"},
                    "evse": {"id": 1, "connectorId": 1},
                    "meterValue": [{"timestamp": js_instant(now), "sampledValue": sampled}],
                }
                fake.says(station_id, "TransactionEvent", payload, tenant_id=words.tenant)
            time.sleep(2)


if __name__ == "__main__":
    main()

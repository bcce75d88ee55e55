# title: a constructor enters the object into a registry before it is complete
# expect: data-race sensor.unit
# lines: 20,26
# why: another thread finds the object in the registry while the constructor goes on.
import threading
import time

import raceway

sensors: list["Sensor"] = []
units: list[str] = []


@raceway.watch(name="sensor")
class Sensor:
    unit = "?"

    def __init__(self) -> None:
        sensors.append(self)
        self.unit = "C"


def show() -> None:
    while not sensors:
        time.sleep(0.001)
    units.append(sensors[0].unit)


reader = threading.Thread(target=show)
reader.start()
Sensor()
reader.join()
print("shown")

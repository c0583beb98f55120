"""Loudspeakers over Mosquitto; the suite makes these tests where Mosquitto is installed."""

from typing import ClassVar

from tests.contract.case_mqtt import MqttCase
from tests.contract.mqtt_brokers import Broker, Mosquitto


class MosquittoCase(MqttCase):
    name: ClassVar[str] = "mqtt-mosquitto"
    broker_class: ClassVar[type[Broker]] = Mosquitto

"""Every gateway that the conformance suite runs over; a new one adds its line."""

from tests.contract.case_clouds import AliyunSmsCase, TencentSmsCase, VoiceCase
from tests.contract.case_cmpp import CmppCase
from tests.contract.case_dingtalk import DingTalkCase
from tests.contract.case_dingwork import DingWorkCase, GovWorkCase
from tests.contract.case_feishu import FeishuCase
from tests.contract.case_handsets import HandsetsCase
from tests.contract.case_mail import MailCase
from tests.contract.case_modems import ModemsCase
from tests.contract.case_mqtt import MqttCase
from tests.contract.case_mqtt_mosquitto import MosquittoCase
from tests.contract.case_onebot import OneBotCase
from tests.contract.case_poster import PosterCase
from tests.contract.case_slack import SlackCase
from tests.contract.case_smpp import SmppCase
from tests.contract.case_twilio import TwilioCase
from tests.contract.case_twilio_voice import TwilioVoiceCase
from tests.contract.case_webhook import WebhookCase
from tests.contract.case_wecom import WeComCase
from tests.contract.mqtt_brokers import MOSQUITTO
from tests.contract.peer import Case

CASES: list[type[Case]] = [HandsetsCase, TwilioCase, WebhookCase, MqttCase, SmppCase]
CASES += [ModemsCase]
CASES += [WeComCase, DingTalkCase, FeishuCase, OneBotCase, SlackCase]
CASES += [DingWorkCase, GovWorkCase]
CASES += [AliyunSmsCase, TencentSmsCase, VoiceCase, CmppCase]
CASES += [TwilioVoiceCase, MailCase, PosterCase]

if MOSQUITTO is not None:  # where it is missing, test_mqtt_mosquitto skips and says so
    CASES.append(MosquittoCase)

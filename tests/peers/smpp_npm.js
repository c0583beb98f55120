// A carrier's gateway by npm's smpp: `node smpp_npm.js MODULE`, MODULE being the package's folder.
//
// It prints its port, then a line for each submit_sm as the package itself reads it, and answers. For
// each it brings a receipt; for the first of a connection a reply, too, in two parts, the last first.
"use strict";

const smpp = require(process.argv[2]);
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const PHONE = "8613800000009";

let taken = 0;

const server = smpp.createServer((session) => {
  let replied = false;
  const header = (number) => Buffer.from([5, 0, 3, 77, 2, number]);
  const part = (number, message) =>
    session.deliver_sm({
      source_addr: PHONE,
      source_addr_ton: 1,
      destination_addr: "10657100",
      esm_class: smpp.ESM_CLASS.UDH_INDICATOR,
      data_coding: smpp.ENCODING.UCS2,
      short_message: { udh: header(number), message },
    });
  session.on("bind_transceiver", (pdu) => {
    session.send(pdu.response({ system_id: "npm" }));
  });
  session.on("submit_sm", (pdu) => {
    const id = `npm-${(taken += 1)}`;
    const text = pdu.short_message;
    const udh = [].concat(text.udh || []).map((element) => Buffer.from(element).toString("hex"));
    say({
      id,
      to: pdu.destination_addr,
      coding: pdu.data_coding,
      registered: pdu.registered_delivery,
      reference: pdu.user_message_reference,
      validity: pdu.validity_period,
      message: text.message,
      udh,
    });
    session.send(pdu.response({ message_id: id }));
    session.deliver_sm({
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      short_message: `id:${id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:`,
      receipted_message_id: id,
      message_state: smpp.MESSAGE_STATE.DELIVERED,
    });
    if (!replied) {
      replied = true;
      part(2, "🌀请求支援");
      part(1, "已转移35人𬍛");
    }
  });
  session.on("deliver_sm_resp", (pdu) => say({ answered: pdu.command_status }));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response()));
  session.on("error", (error) => say({ error: String(error) }));
});

server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
process.stdin.resume().on("end", () => process.exit(0));

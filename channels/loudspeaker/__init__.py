"""Loudspeakers (大喇叭) over MQTT."""

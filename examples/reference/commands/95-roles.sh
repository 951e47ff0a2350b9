#: orchestrator, gateway, agent, monitor, tuner -- goes on
tensorfleet orchestrator &
tensorfleet gateway --port 8081 &
tensorfleet agent --workers 2 &
tensorfleet monitor &
tensorfleet tuner &

"""The policy's network: attention among neighbours, entity encoders, heads and the action distribution. Torch only."""

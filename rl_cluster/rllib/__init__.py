"""The ring: Ray and RLlib run the core's code. No formula of the world, the model or the losses may be here."""

//! Touches the world, one file per thing. Knows nothing of phases.

//! The simulations: one program, one module per simulation.
//! (`cfg(test)` tells clippy that helpers here are tests too, and may unwrap.)

#[cfg(test)]
mod company;
#[cfg(test)]
mod simulation;

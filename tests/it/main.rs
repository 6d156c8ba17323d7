//! The integration tests: one program, one module per subject.
//! (`cfg(test)` tells clippy that helpers here are tests too, and may unwrap.)

#[cfg(test)]
mod adopt;
#[cfg(test)]
mod audit_trail;
#[cfg(test)]
mod broken_disk;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod cli_gateway;
#[cfg(test)]
mod cli_help;
#[cfg(test)]
mod cli_sync;
#[cfg(test)]
mod cli_world;
#[cfg(test)]
mod cloud;
#[cfg(test)]
mod cloud_cli;
#[cfg(test)]
mod cloud_kill;
#[cfg(test)]
mod config;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crash_world;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_passwords;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod gateway_device;
#[cfg(test)]
mod gateway_hostile;
#[cfg(test)]
mod gateway_server;
#[cfg(test)]
mod gateway_wire;
#[cfg(test)]
mod harmless;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod languages;
#[cfg(test)]
mod ldap;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod needs;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod people;
#[cfg(test)]
mod program;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod roster;
#[cfg(test)]
mod roster_check;
#[cfg(test)]
mod same_bytes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod seeing;
#[cfg(test)]
#[cfg(test)]
mod systemd;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tls;
#[cfg(all(test, feature = "openssl"))]
#[cfg(test)]
mod tls_kinds;
#[cfg(all(test, feature = "openssl"))]
#[cfg(test)]
mod tls_old;
#[cfg(test)]
mod tls_server;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod upgrade;

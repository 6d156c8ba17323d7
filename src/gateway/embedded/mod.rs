//! The embedded gateway: a simulated device in both of its layers. `device`, `calls` and `groups` are the device itself, a
//! plain value; `direct` is the [`Gateway`](super::Gateway) trait over it, for the simulation.

pub mod device;
pub mod direct;
pub mod quirk;

mod calls;
mod groups;

pub use device::{Asked, Counters, Device, Furniture, UserView};
pub use direct::{DeviceGateway, SharedDevice, lock};
pub use quirk::Quirk;

use super::GatewayError;

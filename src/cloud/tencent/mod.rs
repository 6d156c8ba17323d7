//! Tencent Cloud API 2.0, product BM ("Black Stone", bare metal): the out-of-band VPN. API 3.0 has other names and
//! another signature; nothing of it belongs here.

pub mod sign;

//! Between the LDAP library and the server: every byte that arrives is counted on its way. The library itself takes in
//! whatever a server sends, and would fill the memory with it.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::roster::progress::Beat;

/// What has arrived, and what may.
pub(super) struct Meter {
    page: AtomicU64,
    all: AtomicU64,
    page_limit: u64,
    all_limit: u64,
    /// The limit that was met, if one was.
    met: AtomicU64,
    exceeded: AtomicBool,
    beat: Arc<Beat>,
}

impl Meter {
    pub(super) fn new(page_limit: u64, all_limit: u64, beat: Arc<Beat>) -> Self {
        Self {
            page: AtomicU64::new(0),
            all: AtomicU64::new(0),
            page_limit,
            all_limit,
            met: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
            beat,
        }
    }

    /// A request goes out: its answer may be as long as any other.
    fn asked(&self) {
        self.page.store(0, Ordering::Relaxed);
    }

    /// Counts what arrives; whether it may be passed on.
    fn arrived(&self, bytes: u64) -> bool {
        self.beat.bytes(bytes);
        let page = self.page.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let met = match () {
            () if page > self.page_limit => self.page_limit,
            () if all > self.all_limit => self.all_limit,
            () => return true,
        };
        self.met.store(met, Ordering::Relaxed);
        self.exceeded.store(true, Ordering::Relaxed);
        false
    }

    /// Whether more came than may.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// The limit that was met.
    pub(super) fn limit(&self) -> u64 {
        self.met.load(Ordering::Relaxed)
    }

    /// Bytes that arrived.
    pub(super) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }
}

/// Two ends of a connection within this process. The library takes a TCP stream and nothing else.
pub(super) fn pair() -> io::Result<(StdTcpStream, StdTcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ours = StdTcpStream::connect(listener.local_addr()?)?;
    loop {
        // Another process of this machine may have been faster: its connection is dropped.
        let (theirs, peer) = listener.accept()?;
        if peer == ours.local_addr()? {
            return Ok((ours, theirs));
        }
    }
}

/// Passes bytes on in both directions until one side ends or too much has come.
pub(super) fn start(near: StdTcpStream, far: StdTcpStream, meter: Arc<Meter>) -> io::Result<()> {
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    far.set_nodelay(true)?;
    let (near, far) = (TcpStream::from_std(near)?, TcpStream::from_std(far)?);
    tokio::spawn(async move {
        // Whatever ends it, the library sees its connection end.
        let _ = pass(near, far, &meter).await;
    });
    Ok(())
}

async fn pass(mut near: TcpStream, mut far: TcpStream, meter: &Meter) -> io::Result<()> {
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        tokio::select! {
            sent = near.read(&mut up) => match sent? {
                0 => return Ok(()),
                length => {
                    meter.asked();
                    far.write_all(&up[..length]).await?;
                }
            },
            came = far.read(&mut down) => match came? {
                0 => return Ok(()),
                length => {
                    if !meter.arrived(length as u64) {
                        return Ok(());
                    }
                    near.write_all(&down[..length]).await?;
                }
            },
        }
    }
}

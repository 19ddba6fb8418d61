//! A line that breaks: it cuts connections after a random number of bytes, as often as it is told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::Rng;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Default)]
pub struct Counts {
    /// Connections that were cut.
    pub cuts: AtomicUsize,
    /// Bytes that went to the client, heads of answers among them.
    pub bytes: AtomicU64,
}

/// Cuts each connection within `at_most` bytes until `cuts` were made.
pub async fn cutting(to: SocketAddr, cuts: usize, at_most: u64) -> (SocketAddr, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new(Counts::default());
    let shared = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counts = Arc::clone(&shared);
            let limit = (counts.cuts.load(Ordering::SeqCst) < cuts)
                .then(|| rand::rng().random_range(1..=at_most));
            tokio::spawn(async move {
                let _ = pass(client, to, limit, &counts).await;
            });
        }
    });
    (address, counts)
}

async fn pass(
    mut client: TcpStream,
    to: SocketAddr,
    limit: Option<u64>,
    counts: &Counts,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut left = limit.unwrap_or(u64::MAX);
    let down = async {
        let mut block = vec![0; 16 * 1024];
        loop {
            let count = from_server.read(&mut block).await?;
            if count == 0 {
                return std::io::Result::Ok(false);
            }
            let take = (count as u64).min(left) as usize;
            to_client.write_all(&block[..take]).await?;
            counts.bytes.fetch_add(take as u64, Ordering::SeqCst);
            left -= take as u64;
            if left == 0 {
                return Ok(true);
            }
        }
    };
    let cut = tokio::select! {
        cut = down => cut?,
        // The client has no more to ask.
        _ = tokio::io::copy(&mut from_client, &mut to_server) => false,
    };
    if cut {
        counts.cuts.fetch_add(1, Ordering::SeqCst);
        // Some lines end, some break, which is an error at once. A break loses what this system has not sent yet, megabytes
        // perhaps: what is counted is to be what arrived, so that gets a moment.
        if rand::rng().random_bool(0.3) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.set_zero_linger()?;
        }
    }
    Ok(())
}

//! Downloads over a line that is cut at random, again and again.

use std::{sync::atomic::Ordering, time::Instant};

use nexus_test_support::TempData;

use crate::support::{
    content, downloads, hub::TestHub, names, proxy::cutting, quick, request, scale, sum,
};

const CUTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_download_ends_with_the_right_file() {
    let started = Instant::now();
    let count = scale(200);
    let (mut all_cuts, mut fetched, mut needed, mut least, mut worst) =
        (0, 0, 0, usize::MAX, 0.0_f64);
    for number in 0..count {
        let bytes = content(number as u64, 3 * 1024 * 1024 + number * 8191);
        let hub = TestHub::start(&[("m-Q4_K_M.gguf", &bytes)]).await;
        // At most a twelfth a connection: ten of them cannot be enough.
        let (line, counts) = cutting(hub.cdn(), CUTS, bytes.len() as u64 / 12).await;
        hub.send_through(line);
        let folder = TempData::new();
        let wish = request(folder.path(), "m-Q4_K_M.gguf", &bytes);
        let paths = downloads(&hub.base(), quick())
            .start(wish)
            .unwrap()
            .finish()
            .await
            .unwrap();
        assert_eq!(sum(&std::fs::read(&paths[0]).unwrap()), sum(&bytes));
        assert_eq!(names(folder.path()), ["m-Q4_K_M.gguf"]);
        let cuts = counts.cuts.load(Ordering::SeqCst);
        let sent = counts.bytes.load(Ordering::SeqCst);
        let ratio = sent as f64 / bytes.len() as f64;
        assert!(cuts >= CUTS, "{cuts} cuts");
        assert!(ratio <= 1.10, "{ratio:.3} of the bytes");
        all_cuts += cuts;
        fetched += sent;
        needed += bytes.len() as u64;
        least = least.min(cuts);
        worst = worst.max(ratio);
    }
    println!(
        "downloads {count}, cuts {all_cuts} (at least {least} each), bytes ratio {:.4} (worst {worst:.4}), {:.1} s",
        fetched as f64 / needed as f64,
        started.elapsed().as_secs_f64()
    );
}

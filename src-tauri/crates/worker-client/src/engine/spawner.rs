//! Starts processes from one thread that lives as long as the engine.
//!
//! A worker asks Linux to be killed when its parent dies, and Linux means the *thread* that started it. Threads of a
//! runtime come and go; this one stays.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    runtime: Handle,
    child: oneshot::Sender<io::Result<Child>>,
}

/// A handle to the thread. The thread, and with it every child on Linux, ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Spawner {
    orders: mpsc::Sender<Order>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let (orders, queue) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("nexus-spawner".to_owned())
            .spawn(move || {
                for mut order in queue {
                    let _entered = order.runtime.enter();
                    // Where nobody waits any more the child is dropped, and killed by that.
                    let _unwanted = order.child.send(order.command.spawn());
                }
            })?;
        Ok(Self { orders })
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (child, spawned) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes is gone");
        self.orders
            .send(Order {
                command,
                runtime: Handle::current(),
                child,
            })
            .map_err(|_| gone())?;
        spawned.await.map_err(|_| gone())?
    }
}

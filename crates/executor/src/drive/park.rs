//! How a run leaves its VM while it waits for the host.

use std::sync::Arc;

use isolet_core_traits::{Engine, Interrupt, NotParkable, ParkedRun, Reset, Vm};
use isolet_pool::Lease;

use super::step::ResetVm;
use super::{Drive, Parked};
use crate::workers::{Lost, Over, Slice, Turn, Work};

impl<E: Engine> Drive<'_, E> {
    /// Saves the run and gives its VM to the pool. `None` if the engine cannot save it: then it stays where it is.
    ///
    /// The console lines were taken after the step before, and nothing has run since.
    pub(super) async fn park(&mut self, lease: &mut Lease<E::Vm>) -> Result<Option<Parked<E>>, Lost> {
        let vm = lease.take_vm().ok_or(Lost::Vm)?;
        let work = ParkWork { vm, interrupt: self.run.interrupt.clone() };
        let Saved { vm, parked, reset } = self.core.workers.run(self.claim(), work).await?.output;
        lease.put_vm(vm);
        self.parking_reset_time += reset.time;
        match (parked, reset.reset) {
            (Ok(parked), Reset::Pristine) => {
                lease.park(parked.bytes());
                Ok(Some(parked))
            }
            // It could come back into this VM alone, which will not be used again.
            (Ok(_), Reset::Discard) => Err(Lost::Vm),
            (Err(_), _) => {
                lease.go_on();
                Ok(None)
            }
        }
    }
}

/// Saving a run and resetting its VM, on a worker, in one go: the VM's memory is in the core's caches.
struct ParkWork<V> {
    vm: V,
    interrupt: Arc<Interrupt>,
}

struct Saved<V: Vm> {
    vm: V,
    parked: Result<V::Parked, NotParkable>,
    reset: ResetVm,
}

impl<V: Vm + 'static> Work for ParkWork<V> {
    type Output = Saved<V>;

    fn slice(self, turn: Turn) -> Slice<Self> {
        let Self { mut vm, interrupt } = self;
        let parked = vm.park();
        let reset = if parked.is_ok() { ResetVm::of(&mut vm, || interrupt.elapsed()) } else { ResetVm::DISCARD };
        Slice::Over(Over::now(Saved { vm, parked, reset }, turn))
    }
}

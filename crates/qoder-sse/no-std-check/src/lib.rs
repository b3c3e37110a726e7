//! If `qoder-sse` or anything below it pulls in `std`, there are two panic handlers and this
//! doesn't build.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};

/// Nothing is ever allocated: linking is all that is checked.
struct Nowhere;

// SAFETY: a null pointer is how an allocator says that it has nothing to give.
unsafe impl GlobalAlloc for Nowhere {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nowhere = Nowhere;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Parses some bytes and says how many frames they hold, so that the parser is linked.
#[unsafe(no_mangle)]
pub extern "C" fn frames(input: u8) -> usize {
    let mut parser = qoder_sse::Parser::new();
    let bytes = [input; 8];
    let step = parser.step(&bytes);
    usize::from(step.item.is_some()) + parser.last_event_id().len()
}

// Blocking work (files) away from the loop, which must answer other peers' probes meanwhile.
#pragma once

#include <uv.h>

#include <functional>

namespace peerd {

// `work` on a thread of libuv's pool, then `done` on the loop. `work` must own all that it touches;
// `done` is always called, so it must not rely on objects that may be gone by then.
void in_background(uv_loop_t* loop, std::function<void()> work, std::function<void()> done);

}  // namespace peerd

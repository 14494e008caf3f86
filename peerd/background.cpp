#include "peerd/background.h"

#include <cassert>
#include <memory>
#include <utility>

namespace peerd {
namespace {

struct Job {
  uv_work_t request{};
  std::function<void()> work;
  std::function<void()> done;
};

void run(uv_loop_t* loop, std::function<void()> work, std::function<void()> done) {
  auto* job = new Job{{}, std::move(work), std::move(done)};
  job->request.data = job;
  const int status = uv_queue_work(
      loop, &job->request, [](uv_work_t* request) { static_cast<Job*>(request->data)->work(); },
      [](uv_work_t* request, int) {
        const std::unique_ptr<Job> owned(static_cast<Job*>(request->data));
        owned->done();
      });
  assert(status == 0);
}

}  // namespace

void in_background(uv_loop_t* loop, std::function<void()> work) {
  run(loop, std::move(work), [] {});
}

void in_background(uv_loop_t* loop, const Lifetime& whose, std::function<void()> work,
                   std::function<void()> done) {
  run(loop, std::move(work), whose.guard(std::move(done)));
}

}  // namespace peerd

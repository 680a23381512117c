// Helping threads; work that cannot get one goes on with fewer.
#pragma once

#include <system_error>
#include <thread>
#include <vector>

namespace asteroid {

// False when the system has no thread to give: those that run still have to be joined.
template <class Work>
bool start_thread(std::vector<std::thread>& others, const Work& work) {
    try {
        others.emplace_back(work);
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

}  // namespace asteroid

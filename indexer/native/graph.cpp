#include "graph.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "part.hpp"
#include "threads.hpp"

namespace asteroid {
namespace {

constexpr size_t SEED = 100;

using Graph = hnswlib::HierarchicalNSW<float>;

const uint32_t* list_of(const Graph& graph, uint32_t node, int level) {
    return level == 0 ? graph.get_linklist0(node) : graph.get_linklist(node, level);
}

uint32_t count_of(const Graph& graph, const uint32_t* list) {
    return graph.getListCount(const_cast<uint32_t*>(list));
}

// Breadth first from `start` over the ground level; appends what it meets to `order`.
void walk_from(const Graph& graph, uint32_t start, std::vector<bool>& reached, std::vector<uint32_t>& order) {
    size_t next = order.size();
    reached[start] = true;
    order.push_back(start);
    for (; next < order.size(); ++next) {
        const uint32_t* list = list_of(graph, order[next], 0);
        const uint32_t count = count_of(graph, list);
        for (uint32_t i = 1; i <= count; ++i)
            if (!reached[list[i]]) {
                reached[list[i]] = true;
                order.push_back(list[i]);
            }
    }
}

}  // namespace

GraphBuilder::GraphBuilder(size_t dim, Metric metric, uint32_t capacity, uint32_t links_max,
                           uint32_t ef_construction)
    : dim_(dim),
      space_(dim, metric),
      graph_(&space_, std::max(capacity, 1u), links_max, ef_construction, SEED) {
    ids_.reserve(capacity);
}

void GraphBuilder::add(const uint64_t* ids, const uint8_t* records, uint32_t n, uint32_t threads) {
    if (!order_.empty()) throw std::logic_error("the graph is finished");
    const uint32_t first = uint32_t(ids_.size());
    if (n > graph_.max_elements_ - first) throw std::length_error("the graph is full");
    ids_.insert(ids_.end(), ids, ids + n);
    const size_t stride = record_bytes(dim_);
    uint32_t start = 0;
    if (first == 0 && n > 0) graph_.addPoint(records, 0), start = 1;  // concurrent adds need an entry point
    std::atomic<uint32_t> next{start};
    std::exception_ptr failure;
    std::mutex failure_lock;
    // hnswlib numbers nodes in the order of arrival; the label says which row a node is.
    const auto work = [&] {
        try {
            for (uint32_t i; (i = next.fetch_add(1)) < n;) graph_.addPoint(records + i * stride, first + i);
        } catch (...) {
            const std::lock_guard guard(failure_lock);
            failure = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (uint32_t t = 1; t < threads && start_thread(others, work);) ++t;
    work();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

void GraphBuilder::finish() {
    std::vector<uint64_t> by_node(ids_.size());
    for (uint32_t node = 0; node < ids_.size(); ++node) by_node[node] = ids_[graph_.getExternalLabel(node)];
    ids_ = std::move(by_node);
    order_ = reach_all();
    ordinal_of_.assign(order_.size(), 0);
    for (uint32_t ordinal = 0; ordinal < order_.size(); ++ordinal) ordinal_of_[order_[ordinal]] = ordinal;
    pack_upper_levels();
}

std::vector<uint32_t> GraphBuilder::reach_all() {
    std::vector<bool> reached(ids_.size(), false);
    std::vector<uint32_t> order;
    order.reserve(ids_.size());
    if (ids_.empty()) return order;
    walk_from(graph_, graph_.enterpoint_node_, reached, order);
    for (uint32_t node = 0; node < ids_.size(); ++node) {
        if (reached[node]) continue;
        attach(node, reached);
        ++repaired_;
        walk_from(graph_, node, reached, order);
    }
    return order;
}

// Gives the nearest reached node with a free slot a link to a node that nothing leads to.
uint32_t GraphBuilder::attach(uint32_t lost, const std::vector<bool>& reached) {
    const uint32_t from = nearest_with_room(lost, reached);
    if (from == NO_NODE) return from;  // every list is full: the scan behind every search still finds it
    uint32_t* list = graph_.get_linklist0(from);
    const uint32_t count = count_of(graph_, list);
    list[1 + count] = lost;
    graph_.setListCount(list, uint16_t(count + 1));
    return from;
}

uint32_t GraphBuilder::nearest_with_room(uint32_t lost, const std::vector<bool>& reached) const {
    const void* record = graph_.getDataByInternalId(lost);
    uint32_t best = NO_NODE;
    float best_distance = 0;
    const auto consider = [&](uint32_t node) {
        if (!reached[node] || count_of(graph_, list_of(graph_, node, 0)) >= graph_.maxM0_) return;
        const float distance =
            graph_.fstdistfunc_(record, graph_.getDataByInternalId(node), graph_.dist_func_param_);
        if (best == NO_NODE || distance < best_distance) best = node, best_distance = distance;
    };
    const uint32_t* list = list_of(graph_, lost, 0);
    for (uint32_t i = 1; i <= count_of(graph_, list); ++i) consider(list[i]);
    for (uint32_t node = 0; best == NO_NODE && node < reached.size(); ++node) consider(node);
    return best;
}

void GraphBuilder::pack_upper_levels() {
    if (order_.empty()) return;
    upper_.resize(size_t(graph_.maxlevel_));
    std::vector<uint32_t> position_below = ordinal_of_;
    const size_t links_max = graph_.maxM_;
    for (size_t level = 1; level <= upper_.size(); ++level) {
        UpperLevel& packed = upper_[level - 1];
        for (const uint32_t node : order_)
            if (size_t(graph_.element_levels_[node]) >= level) packed.nodes.push_back(node);
        std::vector<uint32_t> position(order_.size(), NO_NODE);
        for (uint32_t i = 0; i < packed.nodes.size(); ++i) {
            position[packed.nodes[i]] = i;
            packed.down.push_back(position_below[packed.nodes[i]]);
        }
        packed.links.assign(packed.nodes.size() * (1 + links_max), 0);
        for (uint32_t i = 0; i < packed.nodes.size(); ++i) {
            const uint32_t* list = list_of(graph_, packed.nodes[i], int(level));
            uint32_t* out = packed.links.data() + i * (1 + links_max);
            out[0] = count_of(graph_, list);
            for (uint32_t j = 1; j <= out[0]; ++j) out[j] = position[list[j]];
        }
        if (level == upper_.size()) entry_ = position[graph_.enterpoint_node_];
        position_below = position;
        for (uint32_t& node : packed.nodes) node = ordinal_of_[node];
    }
    if (upper_.empty()) entry_ = ordinal_of_[graph_.enterpoint_node_];
}

void GraphBuilder::write_nodes(uint32_t first, uint32_t n, uint8_t* out) const {
    const size_t lists = 1 + graph_.maxM0_;
    for (uint32_t i = 0; i < n; ++i, out += node_bytes()) {
        const uint32_t node = order_.at(first + i);
        const uint32_t* list = list_of(graph_, node, 0);
        uint32_t* links = reinterpret_cast<uint32_t*>(out);
        std::memset(links, 0, lists * sizeof(uint32_t));
        links[0] = count_of(graph_, list);
        for (uint32_t j = 1; j <= links[0]; ++j) links[j] = ordinal_of_[list[j]];
        std::memcpy(out + lists * sizeof(uint32_t), graph_.getDataByInternalId(node), record_bytes(dim_));
    }
}

}  // namespace asteroid

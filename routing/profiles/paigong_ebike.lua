-- Riding an electric bicycle: the stock bicycle profile of the OSRM wheel with our own speeds.
--
-- Why that one and not the car's: an e-bike is a bicycle in Chinese law. It keeps the bicycle's
-- cycleways, one-way rules (contraflow where tagged, otherwise pushed) and closed roads. What is
-- changed: it is faster, too heavy for stairs, trains and woods, and may ride along a trunk road that
-- is no motorroad. The speeds and the hour's factors come from a speed file
-- (paigong_roads.lua); they are averages that include signals.

local bicycle = require('bicycle')
local roads = require('paigong_roads')

api_version = 4

-- GB 17761-2018: the motor ends at 25 km/h, whatever was learnt.
local most_kmh = 25

local closed = Set { 'motorway', 'motorway_link' }

local stock_tags = handle_bicycle_tags
function handle_bicycle_tags(profile, way, result, data)
  if closed[data.highway] then
    return false
  end
  return stock_tags(profile, way, result, data)
end

-- The stock handler gives a road with a cycle lane the speed of a cycleway; here the lane keeps the
-- speed of its road, of which it has the class.
local stock_cycleway = cycleway_handler
function cycleway_handler(profile, way, result, data)
  local forward_kmh, backward_kmh = result.forward_speed, result.backward_speed
  stock_cycleway(profile, way, result, data)
  if forward_kmh > 0 then
    result.forward_speed = forward_kmh
  end
  if backward_kmh > 0 then
    result.backward_speed = backward_kmh
  end
end

-- Pushed only along roads, not along everything where people may walk: that would add pieces of
-- wood and pavement that join nothing.
local stock_push = bike_push_handler
function bike_push_handler(profile, way, result, data)
  if profile.bicycle_speeds[data.highway] or profile.pedestrian_speeds[data.highway] then
    stock_push(profile, way, result, data)
  end
end

-- A signal in the middle of a street comes as a turn of 180 degrees, for which the stock bicycle
-- takes 17 s. It is none: only junctions have turns (as the stock car profile says, too).
local function process_turn(profile, turn)
  local junction = turn.number_of_roads > 2 or turn.is_u_turn
  if junction or turn.source_mode ~= turn.target_mode then
    bicycle.process_turn(profile, turn)
  end
end

WayHandlers.classes = roads.mark_class

local function ride_kmh(highway)
  local free_kmh = roads.free_kmh(highway)
  return free_kmh and free_kmh * roads.factor(highway)
end

local function setup()
  local profile = bicycle.setup()
  local speeds = { trunk = ride_kmh('trunk'), trunk_link = ride_kmh('trunk_link') }
  for highway in pairs(profile.bicycle_speeds) do
    speeds[highway] = ride_kmh(highway)
  end
  -- A path or track counts only where a tag lets bicycles in (then at the default speed), and
  -- pavements not at all: woods and pavements were half of the graph and three quarters of the time
  -- to build it (Heidelberg, 2026-11), and no crew takes its tools that way.
  speeds.path, speeds.track = nil, nil
  profile.pedestrian_speeds = { pedestrian = profile.walking_speed }
  profile.bicycle_speeds = speeds
  profile.default_speed = ride_kmh('service')
  profile.vehicle_max_speed = most_kmh
  profile.properties.max_speed_for_map_matching = 40 / 3.6
  for _, even in pairs({ 'asphalt', 'chipseal', 'concrete', 'concrete_lanes' }) do
    profile.surface_speeds[even] = nil  -- stock: capped at the speed of a bicycle
  end
  profile.use_public_transport = false
  -- The speeds include the waiting at signals; the stock 2 s at each would count it twice.
  profile.properties.traffic_signal_penalty = 0
  profile.classes = Sequence(roads.classes)
  return profile
end

return {
  setup = setup,
  process_way = bicycle.process_way,
  process_node = bicycle.process_node,
  process_turn = process_turn,
}

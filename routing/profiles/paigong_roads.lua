-- Which of our seven road classes each kind of highway belongs to, and how its speed relates to
-- that of its class. The only place where this is said; paigong_car.lua and paigong_ebike.lua read it.
--
-- `paigong_speeds` is generated for each build (routing/map_lua.py) from a speed file: `kmh` on a
-- free road and the hour's `factor`, both by road class.
--
-- Provenance of the shares: judgement of 2026-11, not measured. A slip road has the pace of its
-- curve and of its queue; nobody learns it apart.

local speeds = require('paigong_speeds')

local kinds = {
  motorway      = { class = 'motorway',    share = 1 },
  motorway_link = { class = 'motorway',    share = 0.5 },
  trunk         = { class = 'trunk',       share = 1 },
  trunk_link    = { class = 'trunk',       share = 0.55 },
  primary       = { class = 'primary',     share = 1 },
  primary_link  = { class = 'primary',     share = 0.62 },
  secondary     = { class = 'secondary',   share = 1 },
  secondary_link = { class = 'secondary',  share = 0.62 },
  tertiary      = { class = 'tertiary',    share = 1 },
  tertiary_link = { class = 'tertiary',    share = 0.62 },
  unclassified  = { class = 'residential', share = 1.1 },  -- no lanes of a compound, little parked
  residential   = { class = 'residential', share = 1 },
  living_street = { class = 'residential', share = 0.55 }, -- walkers first
  service       = { class = 'service',     share = 1 },
  -- Bicycles only: it runs beside a main road and stops for its side roads.
  cycleway      = { class = 'tertiary',    share = 1 },
}

local classes = { 'motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'residential', 'service' }

local roads = { classes = classes, service_kmh = speeds.kmh.service }

-- Ferries, footways and everything without a class of its own count as the smallest class.
function roads.class_of(highway)
  local kind = kinds[highway]
  return kind and kind.class or 'service'
end

-- km/h on a free road, or nil for a kind of highway that is not ours
function roads.free_kmh(highway)
  local kind = kinds[highway]
  return kind and speeds.kmh[kind.class] * kind.share
end

function roads.factor(highway)
  return speeds.factor[roads.class_of(highway)]
end

-- Every way carries exactly one class, in both directions: OSRM gives it back with each piece of a
-- route, and speeds are learnt by it. Put in the place of WayHandlers.classes.
function roads.mark_class(profile, way, result, data)
  local class = roads.class_of(way:get_value_by_key('highway'))
  result.forward_classes[class] = true
  result.backward_classes[class] = true
end

return roads

-- The kept positions of some workers within a span, as columns, in order of time; none for a worker who has none.
SELECT w.code, mask_name(w.full_name) AS name,
    array_agg(extract(epoch FROM p.at)::float8 ORDER BY p.at) AS ats,
    array_agg(ST_X(p.point) ORDER BY p.at) AS lons, array_agg(ST_Y(p.point) ORDER BY p.at) AS lats
FROM worker AS w
JOIN track_point AS p ON p.worker_id = w.id AND p.at >= :since AND p.at <= :until
WHERE w.code = ANY (CAST(:workers AS text[]))
GROUP BY w.id, w.code, w.full_name
ORDER BY w.code

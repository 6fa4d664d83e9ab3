"""A collection of many tiles: seconds until its loaders stand, and the memory of a worker over an epoch.

Ten thousand tiles of 256 px with their masks are written once (copies of a few). First the masks alone are opened and looked into, as is
done where nobody says what their values mean. Then all tiles are indexed without reading a pixel: the scale and the meaning of the mask
values are given. rasterio takes about half a millisecond to open a file with a CRS; that time is printed beside. Then one epoch runs with two workers, and the largest resident memory of a worker is printed for
each tenth of it; it should not grow after the first ones, in which handles are opened.

    python bench/collection.py [--tiles 10000 --n 8000 --data bench_data]
"""
import argparse, os, shutil, tempfile, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument('--tiles', type=int, default=10_000); ap.add_argument('--n', type=int, default=8000); ap.add_argument('--data', default='bench_data')

args = ap.parse_args()
from aerialfast.all import *
from aerialfast.handles import quiet_gdal
import multiprocessing, rasterio

def make(path):
    if len(list((path/'images').glob('*.tif')))==args.tiles: return
    town = make_town(path/'town', tiles=2, sz=256)
    for d in ('images','masks'):
        fs = sorted((town/d).iterdir()); (path/d).mkdir(exist_ok=True)
        for k in range(args.tiles): shutil.copy(fs[k%len(fs)], path/d/f'r{k//100}_{k%100}.tif')

def workers(): # resident memory of each, in MB
    def mb(pid): return next(int(l.split()[1])/1024 for l in Path(f'/proc/{pid}/status').read_text().splitlines() if l.startswith('RssAnon'))
    return [mb(p.pid) for p in multiprocessing.active_children()]

path = Path(args.data)/'many'; path.mkdir(parents=True, exist_ok=True); make(path)
codes = ['ground','building']
def clock(f): t = time.perf_counter(); f(); return time.perf_counter()-t
masks = tile_files(path/'masks')
def opened():
    for m in masks: rasterio.open(m).close()
with quiet_gdal(): alone = clock(opened)
looked = clock(lambda: find_values(masks, codes, cache=tempfile.mkdtemp()))
print(f'{len(masks)} masks: opened and looked into in {looked:.1f} s; opened by rasterio alone in {alone:.1f} s')
t0 = time.perf_counter()
dls = TileDataLoaders.from_folder(path, codes, sz=128, bs=16, n=args.n, num_workers=2, coding=MaskValues(codes, [0,255], void=[]), scale=Scale([110.]*3, [50.]*3), device='cpu')
t1 = time.perf_counter()
print(f'{args.tiles} tiles and masks: loaders stand after {t1-t0:.1f} s ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})')
seen,last = [],0
for k,b in enumerate(dls.train):
    if k*10//len(dls.train)>last: last += 1; seen.append(max(workers()))
print(f'{args.n} patches in {time.perf_counter()-t1:.0f} s; anonymous memory of the largest worker after each tenth, MB: {[round(v) for v in seen]}')

"""A raster in, blended probabilities as uint8 out: predict_tile beside MONAI's sliding_window_inference and pytorch-toolbelt's TileMerger.

Patches of 1,024 px with half overlap. Each run is a process of its own, methods take turns; the time inside of the function is taken in the
same run, so that total / forward is paired. Peers get the whole image as one float tensor, as they ask for. All write the same kind of file
by our writer (zstd, overviews, statistics, read back). The weights are MONAI's gaussian, toolbelt's pyramid and ours. The column `mean` of the
result shows that all methods computed the same.

    null   gives its input back: what is left is reading, blending and writing
    conv   a 1 x 1 convolution
    unet   our U-Net with a ResNet-18, as the machine computes it fastest

    python bench/stitching.py [--sizes 5000,20000 --models null,conv --methods ours,monai,toolbelt --threads installed,one,passive --reps 3]

`--sizes` are sides of squares or rows x columns. Rasters (coarse noise with grain, 3 bands of uint8, tiled deflate) are made in --data and kept.
"""
import argparse, json, os, resource, statistics, subprocess, sys, tempfile, time, warnings; warnings.filterwarnings('ignore')
from itertools import product
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('--sizes', default='5000'); ap.add_argument('--models', default='null'); ap.add_argument('--methods', default='ours,monai,toolbelt'); ap.add_argument('--reps', type=int, default=3)
ap.add_argument('--threads', default='installed')
ap.add_argument('--data', type=Path, default=Path(tempfile.gettempdir())/'aerialfast_bench'); ap.add_argument('--one', action='store_true')
A = ap.parse_args()
import numpy as np
SZ = 1024
THREADS = dict(installed={}, one=dict(OMP_NUM_THREADS='1'), passive=dict(OMP_WAIT_POLICY='PASSIVE'))

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
def now(): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmRSS'))/1024

def raster(size):
    import rasterio
    from rasterio.windows import Window
    h,w = map(int, size.split('x')) if 'x' in size else (int(size),)*2
    path,rng = A.data/f'{size}.tif',np.random.default_rng(0)
    if not path.exists():
        A.data.mkdir(parents=True, exist_ok=True)
        with rasterio.open(path.with_suffix('.part'), 'w', driver='GTiff', height=h, width=w, count=3, dtype='uint8', tiled=True, blockxsize=512, blockysize=512, compress='deflate', num_threads='all_cpus', bigtiff='if_safer') as d:
            for y in range(0, h, 512):
                n = min(512, h-y)
                a = np.kron(rng.integers(20, 235, (3, -(-n//16), -(-w//16)), dtype=np.uint8), np.ones((1,16,16), np.uint8))[:,:n,:w]
                d.write(a+rng.integers(0, 16, a.shape, dtype=np.uint8), window=Window(0, y, w, n))
        path.with_suffix('.part').rename(path)
    return path

def network(name):
    import torch
    torch.manual_seed(0)
    if name=='null': return lambda x: x[:, :1].clone() # a copy: MONAI multiplies the answer in place, and would change its own input
    if name=='conv': net = torch.nn.Conv2d(3, 1, 1).eval(); return lambda x: net(x).sigmoid()
    from aerialfast.unets import aerial_unet,has_bf16
    net = aerial_unet('resnet18', 3, 2, pretrained=False).eval().to(memory_format=torch.channels_last)
    def f(x):
        with torch.autocast('cpu', torch.bfloat16, enabled=has_bf16('cpu')): return net(x.contiguous(memory_format=torch.channels_last)).float().softmax(1)[:, 1:]
    return f

class Timed:
    def __init__(self, f): self.f,self.s,self.cpu = f,0,0
    def __call__(self, x):
        t,c = time.perf_counter(),time.process_time(); y = self.f(x); self.s += time.perf_counter()-t; self.cpu += time.process_time()-c
        return y

def scaled(x): return x.float().div_(255)

def ours(src, dst, f):
    from aerialfast.prediction import predict_tile
    g = (lambda x: scaled(f(x))) if A.models=='null' else lambda x: f(scaled(x))
    predict_tile(g, src, dst, sz=SZ, overlap=.5, outputs='probs', dtype='uint8', codes=['ground','building'])

def whole(fn):
    "A peer as a function of files: the whole image in, and the answer written by our writer, so that all files are alike."
    def run(src, dst, f):
        import rasterio, torch
        from aerialfast.rasters import Tile
        from aerialfast.writing import RasterWriter
        with rasterio.Env(GDAL_CACHEMAX=256, GDAL_NUM_THREADS='ALL_CPUS'), rasterio.open(src) as s: x = scaled(torch.from_numpy(s.read()))
        out = fn(x, f).mul_(254).round_().byte().numpy()
        with RasterWriter(dst, Tile(src), 1, 'uint8', 255, overviews=True) as w: w.write(out)
    return run
def monai(x, f):
    from monai.inferers import sliding_window_inference
    return sliding_window_inference(x[None], (SZ,SZ), 1, f, overlap=.5, mode='gaussian')[0]
def toolbelt(x, f):
    import torch
    from pytorch_toolbelt.inference.tiles import ImageSlicer,TileMerger
    im = x.permute(1,2,0).numpy()
    cut = ImageSlicer(im.shape, SZ, SZ//2, weight='pyramid'); out = TileMerger(cut.target_shape, 1, cut.weight)
    for tile,at in cut.iter_split(im): out.integrate_batch(f(torch.from_numpy(tile.transpose(2,0,1).copy())[None]), [at])
    return torch.from_numpy(cut.crop_to_orignal_size(out.merge_().numpy().transpose(1,2,0)).transpose(2,0,1).copy())
METHODS = dict(ours=ours, monai=whole(monai), toolbelt=whole(toolbelt))

def one():
    import torch, rasterio
    from aerialfast.loader import keep_memory
    if A.models=='unet': keep_memory()
    f,src,dst = Timed(network(A.models)),raster(A.sizes),str(A.data/f'out_{os.getpid()}.tif')
    if A.methods=='ours': import aerialfast.prediction
    elif A.methods=='monai': import monai.inferers
    else: import pytorch_toolbelt.inference.tiles
    with torch.inference_mode():
        f(torch.zeros(1, 3, SZ, SZ)); f.s = f.cpu = 0
        before,t,c = now(),time.perf_counter(),time.process_time()
        METHODS[A.methods](src, dst, f)
    total,cpu = time.perf_counter()-t,time.process_time()-c
    with rasterio.open(dst) as d: mean = float(d.read(1, out_shape=(500,500)).mean())
    os.unlink(dst)
    print(json.dumps(dict(total=total, cpu=cpu, forward=f.s, forward_cpu=f.cpu, grew=peak()-before, mean=mean)))

def main():
    for size in A.sizes.split(','): raster(size)
    rows = {}
    cases = [*product(A.sizes.split(','), A.models.split(','), A.threads.split(','))]
    for _ in range(A.reps):
        for (size,model,threads),method in product(cases, A.methods.split(',')):
            r = subprocess.run([sys.executable, __file__, '--one', '--sizes', size, '--models', model, '--methods', method, '--data', A.data],
                               capture_output=True, text=True, env={**os.environ, **THREADS[threads]})
            if r.returncode: print(method, model, size, 'failed:', r.stderr.strip().splitlines()[-1] if r.stderr.strip() else r.returncode, flush=True); continue
            rows.setdefault((size,model,threads,method), []).append(json.loads(r.stdout.strip().splitlines()[-1]))
    print(f'load {os.getloadavg()[0]:.1f}\n\n| px | function | threads | method | total s | CPU s | total / forward | CPU / forward CPU | added MB | mean | ours / this (total, CPU) |\n|---|---|---|---|---|---|---|---|---|---|---|')
    for (size,model,threads,method),rs in rows.items():
        m,o = [{k: statistics.median(r[k] for r in x) for k in x[0]} for x in (rs, rows.get((size,model,threads,'ours'), rs))]
        print(f"| {size} | {model} | {threads} | {method} | {m['total']:.2f} | {m['cpu']:.2f} | {m['total']/max(m['forward'], 1e-9):.3g} | {m['cpu']/max(m['forward_cpu'], 1e-9):.3g} | {m['grew']:.0f} | {m['mean']:.2f} | {o['total']/m['total']:.2f}, {o['cpu']/m['cpu']:.2f} |")

if __name__=='__main__': one() if A.one else main()

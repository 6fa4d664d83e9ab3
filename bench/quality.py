"""How good a network becomes, from random weights on real imagery, at equal steps and at equal CPU time, beside fastai's and segmentation_models.pytorch's.

Every network sees the same patches in the same order at one seed: random 256 px windows with the eight flips and turns, batches of 4, AdamW
(weight decay 0.01), one cycle (a quarter up, cosine), cross entropy without void, channels-last, bf16 where the processor has it, memory kept
by glibc. The learning rate is `LR`, or those of --lr; 1e-3, 2e-3 and 4e-3 were tried: up to some 100 steps 2e-3 is the best, but for ours on
dubai, later 1e-3. Prediction by 512 px patches with half overlap, softmax averaged; one pooled confusion matrix.

    banepa  west half trains, east half is scored (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL)
    dubai   Tiles 1 to 5 train, three images of Tile 7 are scored (Humans in the Loop with MBRSC, CC0)
    naip    every fourth of the 28 images is scored, the others train (USDA NAIP, public domain)

A budget is a number of steps, `60`, or CPU minutes of training, `3m`: as many steps as the network takes in them at its pace, which is measured
once, before anything else, the networks taking turns. So the machine must be quiet only then. Each pace and each finished run is a line in --out;
what stands there is not done again, so the bench can be stopped at any time. The tables are printed at the end, and with --report alone.

    python bench/quality.py DATA_FOLDER [--data banepa --nets ours,smp --budgets 60,3m --seeds 0,1,2 --out quality.jsonl]
"""
import argparse, contextlib, itertools, json, math, statistics, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('folder', type=Path); ap.add_argument('--data', default='banepa,dubai,naip'); ap.add_argument('--nets', default='ours,ours_plain,smp,smp_scse,fastai')
ap.add_argument('--budgets', default='60,3m'); ap.add_argument('--seeds', default='0,1,2'); ap.add_argument('--arch', default='resnet18'); ap.add_argument('--bs', type=int, default=4)
ap.add_argument('--lr', help='rates for all networks instead of LR, such as 1e-3,2e-3'); ap.add_argument('--out', type=Path, default=Path('quality.jsonl')); ap.add_argument('--report', action='store_true')
A = ap.parse_args()
import numpy as np, torch, torch.nn.functional as F
from torch import nn
from aerialfast.layers import tile_files
from aerialfast.rasters import Tile
from aerialfast.codings import MaskValues,Palette
from aerialfast.labels import MaskTile
from aerialfast.metrics import Confusion
from aerialfast.curves import ThresholdCurves
from aerialfast.classics import SqueezeExcite
from aerialfast.unets import aerial_unet,has_bf16
from aerialfast.loader import keep_memory
SZ,P = 256,512

# networks: (bands, classes) to logits at the size of the input
def ours(**kw): return lambda i, o: aerial_unet(A.arch, i, o, **kw)
def smp(**kw):
    def make(i, o):
        import segmentation_models_pytorch as s
        return s.Unet(A.arch, encoder_weights=None, in_channels=i, classes=o, **kw)
    return make
def fastai(i, o):
    import fastai.vision.all as fa
    return fa.create_unet_model(getattr(fa, A.arch), o, (SZ,SZ), pretrained=False, n_in=i)
NETS = dict(ours=ours(), ours_plain=ours(block='plain'), ours_scse=ours(block='scse'), ours_dense=ours(block='dense'), ours_dense_se=ours(block='dense_se'),
    ours_end1=ours(end=1, widths=(256,128,64,32,16)), ours_end4=ours(end=4, widths=(128,64,64)), ours_no_cross=ours(last_cross=False), ours_stairs=ours(smooth=False),
    smp=smp(), smp_scse=smp(decoder_attention_type='scse'), fastai=fastai)

# options that the library left out because they give nothing here: the usual network, changed
def changed(change):
    def make(i, o): net = aerial_unet(A.arch, i, o); [change(u) for u in net.ups]; return net
    return make
class Blurred(nn.Module): # as fastai's decoder does it
    def __init__(self, up): super().__init__(); self.up = up
    def forward(self, x): return F.avg_pool2d(F.pad(self.up(x), (1,0,1,0), mode='replicate'), 2, 1)
class Bilinear(nn.Module):
    def __init__(self, ni, nf): super().__init__(); self.conv,self.norm = nn.Conv2d(ni, nf, 1, bias=False),nn.BatchNorm2d(nf)
    def forward(self, x): return F.interpolate(F.relu(self.norm(self.conv(x))), scale_factor=2, mode='bilinear', align_corners=False)
def blur(u): u.up = Blurred(u.up)
def bilinear(u): u.up = Bilinear(u.up.conv.in_channels, u.up.norm.num_features)
def dropout(u): u.block = nn.Sequential(u.block, nn.Dropout2d(.1))
def groups(u):
    for m in list(u.modules()):
        for k,c in list(m.named_children()):
            if isinstance(c, nn.BatchNorm2d): setattr(m, k, nn.GroupNorm(next(g for g in (8,4,3,2,1) if c.num_features%g==0), c.num_features))
def ratio(u):
    for m in u.modules():
        for k,c in list(m.named_children()):
            if isinstance(c, SqueezeExcite): setattr(m, k, SqueezeExcite(c.widen.out_channels, 4))
def awake(i, o):
    "With an encoder that starts as those of the others do: timm lets the last norm of each residual block begin at zero, torchvision and smp at one."
    net = aerial_unet(A.arch, i, o)
    for m in net.encoder.modules():
        if isinstance(m, nn.BatchNorm2d) and not m.weight.any(): nn.init.ones_(m.weight)
    return net
NETS.update(ours_awake=awake, ours_blur=changed(blur), ours_bilinear=changed(bilinear), ours_dropout=changed(dropout), ours_groupnorm=changed(groups), ours_ratio4=changed(ratio), ours_wide=ours(widths=(256,128,64,32)))
LR = dict(fastai=1e-3) # the others 2e-3

# data: classes, and lists of (raw pixels (C,H,W), classes (H,W)) to train on and to score
def whole(tile, mask, y=0, x=0, h=None, w=None):
    t,m = Tile(tile),mask
    return t.raw(y, x, h or t.h, w or t.w),m.read(y, x, h or t.h, w or t.w)
def banepa():
    rgb,m = (A.folder/'oam_banepa_buildings'/'mosaic_derived'/f'banepa_z19_b1_{k}.tif' for k in ('rgb','mask'))
    m = MaskTile(m, MaskValues(['background','building'], [0,1])); H,W = m.shape
    return ['background','building'],[whole(rgb, m, w=W//2)],[whole(rgb, m, x=W//2, w=W-W//2)]
def dubai():
    pal = Palette(dict(land='#8429F6', water='#E2A929', building='#3C1098', road='#6EC1E4', vegetation='#FEDD3A'), void=['#9B9B9B','#000000'])
    def of(*tiles): return [whole(p, MaskTile(p.parent.parent/'masks'/f'{p.stem}.png', pal)) for t in tiles for p in tile_files(A.folder/'dubai_landuse'/f'Tile {t}'/'images')]
    return pal.codes,of(1,2,3,4,5),of(7)[::3]
def naip():
    fs,coding = tile_files(A.folder/'naip_fields'/'images'),MaskValues(dict(ground=0, field=range(1, 256)))
    all_ = [whole(f, MaskTile(A.folder/'naip_fields'/'instances_derived'/f.name, coding)) for f in fs]
    return coding.codes,[o for k,o in enumerate(all_) if k%4],all_[::4]

class Crops:
    "Random patches, an image as often as it is large, with a random flip or turn; the order depends on the seed alone."
    def __init__(self, items, seed):
        self.items,self.rng,area = items,np.random.default_rng(seed),np.array([m.size for _,m in items], float)
        self.p = area/area.sum()
        n = sum(m.size for _,m in items)
        self.mean = sum(x.sum((1,2), dtype=np.float64) for x,_ in items)/n
        self.std = np.sqrt(sum(((x-self.mean[:,None,None])**2).sum((1,2)) for x,_ in items)/n)
    def scaled(self, x): return ((torch.from_numpy(x).float()-torch.tensor(self.mean).float()[:,None,None])/torch.tensor(self.std).float()[:,None,None])
    def one(self):
        x,m = self.items[self.rng.choice(len(self.items), p=self.p)]
        i,j,k = (int(self.rng.integers(n)) for n in (m.shape[0]-SZ+1, m.shape[1]-SZ+1, 8))
        return dihedral(self.scaled(x[:,i:i+SZ,j:j+SZ]), k),dihedral(torch.from_numpy(m[i:i+SZ,j:j+SZ].astype(np.int64)), k)
    def batch(self):
        xs,ms = zip(*[self.one() for _ in range(A.bs)])
        return torch.stack(xs).contiguous(memory_format=torch.channels_last),torch.stack(ms)

def autocast(): return torch.autocast('cpu', torch.bfloat16) if has_bf16('cpu') else contextlib.nullcontext()
def one_cycle(p, lr):
    def cos(a, b, t): return b+(a-b)*(1+math.cos(math.pi*t))/2
    return cos(lr/25, lr, p/.25) if p<.25 else cos(lr, lr/1e5, (min(p, 1)-.25)/.75)

def stepper(net, crops, lr, total):
    "A function that takes the next step of one cycle over `total` steps."
    opt,n = torch.optim.AdamW(net.parameters(), lr, weight_decay=.01, fused=True),itertools.count()
    def step():
        for g in opt.param_groups: g['lr'] = one_cycle(next(n)/total, lr)
        x,y = crops.batch()
        with autocast(): z = net(x)
        F.cross_entropy(z.float(), y, ignore_index=255).backward(); opt.step(); opt.zero_grad()
    return step

def made(name, items, codes, seed):
    torch.manual_seed(seed)
    return NETS[name](len(items[0][0]), len(codes)).to(memory_format=torch.channels_last).train()

def paces(names, items, codes, rounds=4, n=3):
    "CPU seconds per step of each network: the median over `rounds` of `n` steps, the networks taking turns; the first round is not counted."
    steps,out = {k: stepper(made(k, items, codes, 0), Crops(items, 0), 1e-4, rounds*n) for k in names},{k: [] for k in names}
    for _ in range(rounds):
        for k,step in steps.items():
            t = time.process_time()
            for _ in range(n): step()
            out[k].append((time.process_time()-t)/n)
    return {k: statistics.median(v[1:]) for k,v in out.items()}

@torch.inference_mode()
def predict(net, x):
    "Probabilities of an image, patches with half overlap, averaged."
    def places(n): return sorted({min(i, max(0, n-P)) for i in range(0, max(1, n-P//2), P//2)})
    h,w = x.shape[1:]
    x = F.pad(x[None], (0, max(0, P-w), 0, max(0, P-h)), mode='replicate')[0]
    out = count = None
    for i in places(h):
        for j in places(w):
            with autocast(): p = net(x[None,:,i:i+P,j:j+P].contiguous(memory_format=torch.channels_last)).float().softmax(1)[0]
            if out is None: out,count = torch.zeros(len(p), *x.shape[1:]),torch.zeros(x.shape[1:])
            out[:,i:i+P,j:j+P] += p; count[i:i+P,j:j+P] += 1
    return (out/count)[:,:h,:w]

def score(net, items, crops, codes):
    net.eval(); conf,curves = Confusion(codes),ThresholdCurves(len(codes))
    for x,m in items:
        p = predict(net, crops.scaled(x)).clamp(0, 1).numpy()
        conf.update(p, m)
        if len(codes)==2: curves.update(p, m)
    best = dict(best=curves.best('iou').iou) if len(codes)==2 else {}
    return dict(score=best.get('best', conf.miou), iou=dict(zip(codes, conf.iou.tolist())), miou=conf.miou, accuracy=conf.accuracy)

def gmacs(net, n):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as f, torch.no_grad(): net.eval()(torch.zeros(1, n, 256, 256))
    return f.get_total_flops()/2e9

def report(rows, pace):
    for data in dict.fromkeys(r['data'] for r in rows):
        print(f"\n{data}: {'IoU at the best threshold' if data!='dubai' else 'mean IoU'}, mean and spread (half the range) over seeds\n\n| network | budget | steps | seeds | score | GMAC | CPU s per step | lr |\n|---|---|---|---|---|---|---|---|")
        for budget in dict.fromkeys(r['budget'] for r in rows):
            for net,lr in dict.fromkeys((r['net'],r['lr']) for r in rows):
                rs = [r for r in rows if (r['data'],r['budget'],r['net'],r['lr'])==(data,budget,net,lr)]
                if rs:
                    s = [r['score'] for r in rs]
                    print(f"| {net} | {budget} | {rs[0]['steps']} | {len(rs)} | {statistics.mean(s):.3f} ± {(max(s)-min(s))/2:.3f} | {rs[0]['gmac']:.1f} | {pace[net]:.2f} | {lr:g} |")

def main():
    keep_memory()
    lines = [json.loads(l) for l in A.out.read_text().splitlines()] if A.out.exists() else []
    rows,pace = [l for l in lines if 'data' in l],{l['net']: l['pace'] for l in lines if 'pace' in l}
    done = {(r['data'],r['net'],r['seed'],r['budget'],r['lr']) for r in rows}
    def keep(row):
        with A.out.open('a') as f: f.write(json.dumps(row)+'\n')
        print({k: round(v, 4) if isinstance(v, float) else v for k,v in row.items()}, flush=True)
    names = [] if A.report else A.nets.split(',')
    for data in A.data.split(',') if names else []:
        codes,tr,va = globals()[data]()
        if new := [n for n in names if n not in pace]:
            pace |= paces(new, tr, codes)
            for n in new: keep(dict(net=n, pace=pace[n]))
        for seed,budget,name,lr in itertools.product(map(int, A.seeds.split(',')), A.budgets.split(','), names, A.lr.split(',') if A.lr else [None]):
            lr = float(lr or LR.get(name, 2e-3))
            if (data,name,seed,budget,lr) in done: continue
            net,crops = made(name, tr, codes, seed),Crops(tr, seed)
            steps = round(float(budget[:-1])*60/pace[name]) if budget.endswith('m') else int(budget)
            row = dict(data=data, net=name, seed=seed, budget=budget, steps=steps, lr=lr, gmac=gmacs(net, len(tr[0][0])), params=sum(p.numel() for p in net.parameters()))
            step = stepper(net.train(), crops, lr, steps)
            for _ in range(steps): step()
            row.update(score(net, va, crops, codes)); keep(row); rows.append(row)
    report(rows, pace)

if __name__=='__main__': main()
